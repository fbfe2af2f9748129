//! Where RADV, the driver with the compiler, lies on this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use crate::families::Family;

/// What names another driver than the machine's.
const VARIABLE: &str = "VITRINE_RADV_ICD";

/// Where Vulkan's loader looks.
const FOLDERS: [&str; 4] = [
    "/usr/share/vulkan/icd.d",
    "/usr/local/share/vulkan/icd.d",
    "/etc/vulkan/icd.d",
    "/run/opengl-driver/share/vulkan/icd.d",
];

/// The ICD file (JSON) of RADV: the given one, or this machine's.
pub fn find(asked: Option<&Path>) -> Option<PathBuf> {
    let asked = asked.map(Path::to_owned);
    if let Some(asked) = asked.or_else(|| env::var_os(VARIABLE).map(PathBuf::from)) {
        return Some(asked);
    }
    let mut found: Vec<PathBuf> = FOLDERS
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_radv(path))
        .collect();
    found.sort();
    // Not the one for programs of 32 bits.
    let fits = |path: &PathBuf| path.to_string_lossy().contains(env::consts::ARCH);
    let at = found.iter().position(fits).unwrap_or(0);
    (at < found.len()).then(|| found.swap_remove(at))
}

fn is_radv(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("radeon_icd") && name.ends_with(".json")
}

/// Has a process that is about to start see nothing but this driver, for a chip that need not be there. The
/// driver reads its environment when it is loaded: there is one process for each chip.
pub fn pretend(command: &mut Command, driver: &Path, family: Family, name: &str) {
    debug_assert!(family.radv_names().contains(&name));
    command
        .env("RADV_FORCE_FAMILY", name)
        .env("VK_DRIVER_FILES", driver)
        .env("VK_ICD_FILENAMES", driver)
        // Layers of this machine may not support such a device.
        .env("VK_LOADER_LAYERS_DISABLE", "~implicit~")
        .env("NODEVICE_SELECT", "1")
        .env("MESA_SHADER_CACHE_DISABLE", "true");
}

/// The name that this driver has for a chip of the family; it ends a process that asks for one it does not
/// know, so another process asks.
pub fn chip(driver: &Path, family: Family) -> Option<&'static str> {
    let knows = |name: &&&str| {
        let mut command = Command::new(env::current_exe().unwrap_or_default());
        pretend(&mut command, driver, family, name);
        command
            .arg("--probe")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    family.radv_names().iter().find(knows).copied()
}
