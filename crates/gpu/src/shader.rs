//! Expands a kernel's template to WGSL.
//!
//! WGSL has no includes, conditional code or loop unrolling, and pipeline constants cannot size a uniform array.
//! Directives on lines of their own supply these:
//!
//! - `#import one, two` inserts fragments of `shaders/common/`, each at most once;
//! - `#if FLAG` (or `#if !FLAG`), `#else`, `#end` keep or drop lines;
//! - `#for i in COUNT`, `#end` repeats lines with `$i` = 0, 1, … COUNT - 1, where COUNT is a
//!   number or a constant of the permutation; `#for i in ROWS, j in 4` is one loop in another.
//!
//! `#import name` also finds the units of a permutation: names for which it selects a fragment, such as `format` for
//! the unpacking of a weight format. A kernel is written once against the functions of its units.
//!
//! A line with `@binding(name)` declares a binding of the permutation's list. Its number comes from the list, its
//! `var<…>` must agree with the list, and the line is left out if the list does not have it.
//!
//! Libraries that do more (naga_oil, wesl) parse WGSL themselves and therefore refuse extensions that browsers have
//! before naga.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::{Binding, GpuError};

/// The flag of permutations with subgroup operations.
pub const SUBGROUPS: &str = "SUBGROUPS";

/// A permutation of a kernel: its template and everything to fill in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShaderSource {
    /// The kernel's name; its template is `shaders/{name}.wgsl`.
    pub name: &'static str,
    /// The text of the template.
    pub template: &'static str,
    /// Fragments that `#import` can name.
    pub fragments: &'static [(&'static str, &'static str)],
    /// Units: the fragments of this permutation by the names that its template imports.
    pub units: Vec<(&'static str, &'static str)>,
    /// Emitted as WGSL `const` declarations.
    pub constants: Vec<(&'static str, Constant)>,
    /// The flags that are set. All kernels share the flag [`SUBGROUPS`].
    pub flags: Vec<&'static str>,
    /// Bindings 0, 1, … of group 0, with their names in the template.
    pub bindings: Vec<(&'static str, Binding)>,
}

/// The value of a constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Constant {
    /// A `u32`.
    U32(u32),
    /// An `f32`.
    F32(f32),
}

impl From<u32> for Constant {
    fn from(value: u32) -> Self {
        Self::U32(value)
    }
}

impl From<f32> for Constant {
    fn from(value: f32) -> Self {
        Self::F32(value)
    }
}

impl ShaderSource {
    /// Adds a binding.
    pub fn bind(&mut self, name: &'static str, binding: Binding) {
        self.bindings.push((name, binding));
    }

    /// Sets a flag that may be set already.
    pub fn set_flag(&mut self, flag: &'static str) {
        if !self.flags.contains(&flag) {
            self.flags.push(flag);
        }
    }

    /// Name, flags and constants on one line, which identify this permutation.
    #[must_use]
    pub fn label(&self) -> String {
        let mut label = self.name.to_owned();
        for flag in &self.flags {
            let _ = write!(label, " {flag}");
        }
        for (name, text) in &self.units {
            let known = self.fragments.iter().find(|(_, known)| known == text);
            let unit = known.map_or("", |(unit, _)| unit);
            let _ = write!(label, " {name}={unit}");
        }
        for (name, value) in &self.constants {
            let _ = match value {
                Constant::U32(value) => write!(label, " {name}={value}"),
                Constant::F32(value) => write!(label, " {name}={value:e}"),
            };
        }
        label
    }

    /// The WGSL text.
    ///
    /// # Errors
    /// When a directive is malformed, or names an unknown fragment or constant.
    pub fn wgsl(&self) -> Result<String, GpuError> {
        let mut text = String::new();
        for (name, value) in &self.constants {
            let _ = match value {
                Constant::U32(value) => writeln!(text, "const {name}: u32 = {value}u;"),
                Constant::F32(value) => writeln!(text, "const {name}: f32 = {value:e}f;"),
            };
        }
        let lines: Vec<&str> = self.template.lines().collect();
        self.expand(&lines, &mut text, 0, &mut Vec::new())?;
        Ok(text)
    }

    /// The same for a browser's compiler, which needs `enable subgroups`; naga 30 does not know the directive
    /// (gfx-rs/wgpu#5555).
    ///
    /// # Errors
    /// As [`ShaderSource::wgsl`].
    pub fn browser_wgsl(&self) -> Result<String, GpuError> {
        let text = self.wgsl()?;
        Ok(if self.flags.contains(&SUBGROUPS) {
            format!("enable subgroups;\n{text}")
        } else {
            text
        })
    }

    fn expand(
        &self,
        lines: &[&str],
        text: &mut String,
        depth: usize,
        imported: &mut Vec<&'static str>,
    ) -> Result<(), GpuError> {
        if depth > 16 {
            return Err(self.malformed("directives nest more than 16 deep"));
        }
        let mut at = 0;
        while at < lines.len() {
            let line = lines[at];
            let Some(directive) = line.trim_start().strip_prefix('#') else {
                if let Some(line) = self.bound(line)? {
                    text.push_str(&line);
                    text.push('\n');
                }
                at += 1;
                continue;
            };
            let words: Vec<&str> = directive.split_whitespace().collect();
            match words.as_slice() {
                ["import", names @ ..] => {
                    for name in names {
                        let fragment = self.fragment(name.trim_end_matches(','))?;
                        if !imported.contains(&fragment) {
                            imported.push(fragment);
                            let lines: Vec<&str> = fragment.lines().collect();
                            self.expand(&lines, text, depth + 1, imported)?;
                        }
                    }
                    at += 1;
                }
                ["if", condition] => {
                    let block = self.block(lines, at)?;
                    let (flag, wanted) = match condition.strip_prefix('!') {
                        Some(flag) => (flag, false),
                        None => (*condition, true),
                    };
                    let (kept, dropped) = block.split_else(lines);
                    let chosen = if self.flags.contains(&flag) == wanted {
                        kept
                    } else {
                        dropped
                    };
                    self.expand(chosen, text, depth + 1, imported)?;
                    at = block.end + 1;
                }
                ["for", loops @ ..] => {
                    let block = self.block(lines, at)?;
                    let body = lines[block.start..block.end].iter();
                    let mut body: Vec<String> = body.map(|line| (*line).to_owned()).collect();
                    // From the innermost loop to the outermost.
                    for repeat in loops.rchunks(3) {
                        let [variable, "in", count] = repeat else {
                            return Err(self.malformed(&format!("\"{line}\" is no loop")));
                        };
                        body = repeated(&body, variable, self.count(count.trim_end_matches(','))?);
                    }
                    let body: Vec<&str> = body.iter().map(String::as_str).collect();
                    self.expand(&body, text, depth + 1, imported)?;
                    at = block.end + 1;
                }
                _ => return Err(self.malformed(&format!("unknown directive \"{line}\""))),
            }
        }
        Ok(())
    }

    /// A line with the number of the binding that it declares; `None` if the permutation does not have that binding.
    fn bound<'l>(&self, line: &'l str) -> Result<Option<Cow<'l, str>>, GpuError> {
        let Some((before, (name, after))) = line
            .split_once("@binding(")
            .and_then(|(before, rest)| Some((before, rest.split_once(')')?)))
        else {
            return Ok(Some(Cow::Borrowed(line)));
        };
        let mut numbered = self.bindings.iter().enumerate();
        let Some((number, (_, binding))) = numbered.find(|(_, (known, _))| *known == name) else {
            return Ok(None);
        };
        let access = binding.access();
        if !after.trim_start().starts_with(access) {
            return Err(self.malformed(&format!("binding {name} is no {access} in \"{line}\"")));
        }
        let line = format!("{before}@group(0) @binding({number}){after}");
        Ok(Some(Cow::Owned(line)))
    }

    /// The lines between the directive at `at` and its `#end`.
    fn block(&self, lines: &[&str], at: usize) -> Result<Block, GpuError> {
        let mut open = 1;
        let mut otherwise = None;
        for (index, line) in lines.iter().enumerate().skip(at + 1) {
            let line = line.trim_start();
            if line.starts_with("#if") || line.starts_with("#for") {
                open += 1;
            } else if line.starts_with("#else") && open == 1 {
                otherwise = Some(index);
            } else if line.starts_with("#end") {
                open -= 1;
                if open == 0 {
                    return Ok(Block {
                        start: at + 1,
                        otherwise,
                        end: index,
                    });
                }
            }
        }
        Err(self.malformed(&format!("\"{}\" has no #end", lines[at])))
    }

    fn fragment(&self, name: &str) -> Result<&'static str, GpuError> {
        let mut all = self.units.iter().chain(self.fragments);
        let found = all.find(|(known, _)| *known == name);
        found
            .map(|(_, text)| *text)
            .ok_or_else(|| self.malformed(&format!("no fragment {name}")))
    }

    fn count(&self, text: &str) -> Result<u32, GpuError> {
        if let Ok(number) = text.parse() {
            return Ok(number);
        }
        match self.constants.iter().find(|(name, _)| *name == text) {
            Some((_, Constant::U32(value))) => Ok(*value),
            _ => Err(self.malformed(&format!("{text} is neither a number nor a u32 constant"))),
        }
    }

    fn malformed(&self, reason: &str) -> GpuError {
        GpuError::Shader {
            shader: self.name.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

/// Lines with `$variable` = 0, 1, … count - 1.
fn repeated(lines: &[String], variable: &str, count: u32) -> Vec<String> {
    let marker = format!("${variable}");
    let with = |value: u32| {
        let value = value.to_string();
        lines
            .iter()
            .map(|line| line.replace(&marker, &value))
            .collect::<Vec<_>>()
    };
    (0..count).flat_map(with).collect()
}

struct Block {
    start: usize,
    otherwise: Option<usize>,
    end: usize,
}

impl Block {
    fn split_else<'l>(&self, lines: &'l [&'l str]) -> (&'l [&'l str], &'l [&'l str]) {
        match self.otherwise {
            Some(at) => (&lines[self.start..at], &lines[at + 1..self.end]),
            None => (&lines[self.start..self.end], &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(template: &'static str) -> ShaderSource {
        ShaderSource {
            name: "test",
            template,
            fragments: &[("one", "fn one() {}")],
            constants: vec![("ROWS", Constant::U32(2)), ("EPS", Constant::F32(1e-5))],
            flags: vec!["F16"],
            ..ShaderSource::default()
        }
    }

    fn body(template: &'static str) -> String {
        let text = source(template).wgsl().unwrap();
        text.lines().skip(2).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn constants_come_first() {
        let text = source("x").wgsl().unwrap();
        assert_eq!(text, "const ROWS: u32 = 2u;\nconst EPS: f32 = 1e-5f;\nx\n");
    }

    #[test]
    fn imports_conditions_and_loops_expand() {
        assert_eq!(body("#import one"), "fn one() {}");
        assert_eq!(body("#import one\nx\n#import one"), "fn one() {}\nx");
        assert_eq!(body("#if F16\na\n#else\nb\n#end\nc"), "a\nc");
        assert_eq!(body("#if !F16\na\n#else\nb\n#end\nc"), "b\nc");
        assert_eq!(
            body("#for r in ROWS\n#for c in 2\na_$r_$c\n#end\n#end"),
            "a_0_0\na_0_1\na_1_0\na_1_1"
        );
        assert_eq!(
            body("#for r in ROWS, c in 2\na_$r_$c\n#end"),
            "a_0_0\na_0_1\na_1_0\na_1_1"
        );
        assert_eq!(body("#import one, one"), "fn one() {}");
    }

    #[test]
    fn units_are_imported_by_the_names_that_a_permutation_gives_them() {
        let mut source = source("#import unit");
        source.units.push(("unit", "fn two() {}"));
        assert!(source.wgsl().unwrap().ends_with("fn two() {}\n"));
    }

    #[test]
    fn bindings_are_numbered_by_the_list() {
        let mut source = source(
            "@binding(b) var<storage, read> b: B;\n@binding(c) var<uniform> c: C;\n@binding(a) var<storage, read_write> a: A;",
        );
        source.bindings = vec![("a", Binding::ReadWrite), ("b", Binding::Read)];
        let text = source.wgsl().unwrap();
        let body: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(
            body,
            [
                "@group(0) @binding(1) var<storage, read> b: B;",
                "@group(0) @binding(0) var<storage, read_write> a: A;"
            ]
        );
        source.bindings = vec![("a", Binding::Read), ("b", Binding::Read)];
        let error = source.wgsl().unwrap_err().to_string();
        assert!(error.contains("binding a is no"), "{error}");
    }

    #[test]
    fn browsers_are_asked_for_subgroups_where_they_are_used() {
        let mut source = source("x");
        assert_eq!(source.browser_wgsl().unwrap(), source.wgsl().unwrap());
        source.flags.push(SUBGROUPS);
        let asked = source.browser_wgsl().unwrap();
        let rest = asked.strip_prefix("enable subgroups;\n");
        assert_eq!(rest, Some(source.wgsl().unwrap().as_str()));
    }

    #[test]
    fn mistakes_are_named() {
        for (template, reason) in [
            ("#import two", "no fragment two"),
            ("#if F16\na", "has no #end"),
            ("#for r in COLS\n#end", "COLS is neither"),
            ("#frobnicate", "unknown directive"),
        ] {
            let error = source(template).wgsl().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
