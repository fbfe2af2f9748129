//! Short names between the wasm module and its JavaScript: wasm-bindgen's have a hash each, which no
//! compression makes smaller.

use std::{collections::HashMap, convert::Infallible};

use anyhow::{Result, anyhow};
use wasm_encoder::{
    ExportSection, Import, ImportSection, Imports, Module,
    reencode::{Error, Reencode, utils},
};
use wasmparser::{Export, Parser, Payload};

/// What wasm-bindgen's own names begin with. Nothing else in its JavaScript has a name like these.
const OWN: [&str; 3] = ["__wbg_", "__wbindgen_generic_", "wasm_bindgen_"];

/// The JavaScript and the module with short names in both.
pub fn shorten(script: &str, wasm: &[u8]) -> Result<(String, Vec<u8>)> {
    let mut names = Names::default();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    names.add(import?.name);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    names.add(export?.name);
                }
            }
            _ => {}
        }
    }
    let script = names.shorten(script);
    let mut module = Module::new();
    names
        .parse_core_module(&mut module, Parser::new(0), wasm)
        .map_err(|error| anyhow!("the names in the wasm module cannot be changed: {error}"))?;
    Ok((script, module.finish()))
}

/// The short names by the long ones.
#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn add(&mut self, name: &str) {
        if OWN.iter().any(|own| name.starts_with(own)) {
            let short = format!("_{:x}", self.0.len());
            self.0.entry(name.to_owned()).or_insert(short);
        }
    }

    fn of<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, String::as_str)
    }

    fn shorten(&self, script: &str) -> String {
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let mut short = String::with_capacity(script.len());
        let mut rest = script;
        while let Some(start) = rest.find(is_part) {
            let (before, after) = rest.split_at(start);
            let end = after.find(|c| !is_part(c)).unwrap_or(after.len());
            short.push_str(before);
            short.push_str(self.of(&after[..end]));
            rest = &after[end..];
        }
        short + rest
    }
}

impl Reencode for Names {
    type Error = Infallible;

    fn parse_imports(
        &mut self,
        section: &mut ImportSection,
        imports: wasmparser::Imports<'_>,
    ) -> Result<(), Error<Infallible>> {
        let wasmparser::Imports::Single(_, import) = imports else {
            return utils::parse_imports(self, section, imports);
        };
        let ty = self.entity_type(import.ty)?;
        section.imports(Imports::Single(Import {
            module: import.module,
            name: self.of(import.name),
            ty,
        }));
        Ok(())
    }

    fn parse_export(
        &mut self,
        exports: &mut ExportSection,
        export: Export<'_>,
    ) -> Result<(), Error<Infallible>> {
        let kind = self.export_kind(export.kind)?;
        let index = self.external_index(export.kind, export.index)?;
        exports.export(self.of(export.name), kind, index);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{EntityType, ExportKind, ExportSection, ImportSection, Module, TypeSection};

    use super::shorten;

    fn module(import: &str, export: &str) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut imports = ImportSection::new();
        imports.import("./page_bg.js", import, EntityType::Function(0));
        let mut exports = ExportSection::new();
        exports.export(export, ExportKind::Func, 0);
        exports.export("startPage", ExportKind::Func, 0);
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&exports);
        module.finish()
    }

    #[test]
    fn both_sides_get_the_same_names_and_the_others_stay() {
        let script = "a={__wbg_log_0123456789abcdef:()=>__wbg_log_0123456789abcdef2,\
                      b:wasm.wasm_bindgen_1_invoke(),c:startPage}";
        let wasm = module("__wbg_log_0123456789abcdef", "wasm_bindgen_1_invoke");
        let (script, wasm) = shorten(script, &wasm).expect("the module is valid");
        assert_eq!(
            script,
            "a={_0:()=>__wbg_log_0123456789abcdef2,b:wasm._1(),c:startPage}"
        );
        assert_eq!(wasm, module("_0", "_1"));
    }
}
