//! Puts functions that are alike next to one another, where brotli says with fewer bits that it has
//! seen the like.
//!
//! The order is found by balanced partitioning (Dhulipala et al., "Compressing Graphs and Indexes with
//! Recursive Graph Bisection", 2016), as linkers do: the functions are halved so that each short run
//! of instructions is in one half rather than in both, and each half again in the same way.

use std::{
    collections::HashMap,
    convert::Infallible,
    hash::{DefaultHasher, Hash, Hasher},
};

use anyhow::{Context, Result, anyhow};
use wasm_encoder::{
    CodeSection, FunctionSection, Module,
    reencode::{Error, Reencode, utils},
};
use wasmparser::{
    CodeSectionReader, FunctionBody, FunctionSectionReader, Operator, Parser, Payload, TypeRef,
};

/// Instructions of a run: of 2, 3, 4 and 6 this is the best.
const RUN: usize = 3;
/// A run that more than one of so many functions have tells none from the others.
const COMMON: usize = 4;
/// Exchanges between two halves, at most.
const ROUNDS: usize = 16;
/// So few stay as they are.
const FEW: usize = 4;

/// The same module with its functions in another order.
pub fn reorder(wasm: &[u8]) -> Result<Vec<u8>> {
    let (imported, functions) = read(wasm).context("the wasm module cannot be read")?;
    let mut order: Vec<usize> = (0..functions.len()).collect();
    Partition::new(&functions).order(&mut order);

    let mut places = vec![0; order.len()];
    for (place, function) in order.iter().enumerate() {
        places[*function] = u32::try_from(place)?;
    }
    let mut writer = Writer {
        imported,
        order,
        places,
    };
    let mut module = Module::new();
    writer
        .parse_core_module(&mut module, Parser::new(0), wasm)
        .map_err(|error| anyhow!("the wasm module cannot be put in order: {error}"))?;
    Ok(module.finish())
}

/// How many functions are imported, and the hashes of each other's runs.
fn read(wasm: &[u8]) -> Result<(u32, Vec<Vec<u64>>)> {
    let (mut imported, mut functions) = (0, Vec::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => functions.push(runs(&body)?),
            _ => {}
        }
    }
    Ok((imported, functions))
}

fn runs(body: &FunctionBody<'_>) -> Result<Vec<u64>> {
    let base = body.range().start;
    let mut instructions = Vec::new();
    let mut reader = body.get_operators_reader()?;
    while !reader.eof() {
        let start = reader.original_position() - base;
        // Whom it calls has another number in another order.
        let is_call = matches!(reader.read()?, Operator::Call { .. });
        let end = reader.original_position() - base;
        let end = if is_call { start + 1 } else { end };
        instructions.push(hash(&body.as_bytes()[start..end]));
    }
    let mut runs: Vec<u64> = instructions.windows(RUN).map(hash).collect();
    runs.sort_unstable();
    runs.dedup();
    Ok(runs)
}

/// In all runs of this program the same.
fn hash<T: Hash + ?Sized>(what: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// Functions that are being halved.
struct Partition {
    /// The runs that each has, by their number.
    runs: Vec<Vec<usize>>,
    /// How often each run is in the one half and in the other.
    counts: Vec<[u32; 2]>,
}

impl Partition {
    fn new(functions: &[Vec<u64>]) -> Self {
        let mut found: HashMap<u64, usize> = HashMap::new();
        for run in functions.iter().flatten() {
            *found.entry(*run).or_default() += 1;
        }
        let telling = 2..=functions.len() / COMMON;
        let mut numbers = HashMap::new();
        let mut number = |run: &u64| {
            let next = numbers.len();
            *numbers.entry(*run).or_insert(next)
        };
        let runs = functions
            .iter()
            .map(|runs| {
                let runs = runs.iter().filter(|run| telling.contains(&found[run]));
                runs.map(&mut number).collect()
            })
            .collect();
        let counts = vec![[0; 2]; numbers.len()];
        Self { runs, counts }
    }

    fn order(&mut self, functions: &mut [usize]) {
        if functions.len() <= FEW {
            functions.sort_unstable();
            return;
        }
        let middle = functions.len() / 2;
        for function in functions.iter() {
            for run in &self.runs[*function] {
                self.counts[*run] = [0; 2];
            }
        }
        for (place, function) in functions.iter().enumerate() {
            for run in &self.runs[*function] {
                self.counts[*run][usize::from(place >= middle)] += 1;
            }
        }
        for _ in 0..ROUNDS {
            if !self.exchange(functions, middle) {
                break;
            }
        }
        let (left, right) = functions.split_at_mut(middle);
        self.order(left);
        self.order(right);
    }

    /// Exchanges the functions that gain most; whether any did.
    fn exchange(&mut self, functions: &mut [usize], middle: usize) -> bool {
        let gains = |range: std::ops::Range<usize>, half: usize| {
            let mut gains: Vec<(f64, usize)> = range
                .map(|place| (self.gain(functions[place], half), place))
                .collect();
            gains.sort_by(|a, b| b.0.total_cmp(&a.0));
            gains
        };
        let left = gains(0..middle, 0);
        let right = gains(middle..functions.len(), 1);
        let mut exchanged = false;
        for ((left_gain, left), (right_gain, right)) in left.into_iter().zip(right) {
            if left_gain + right_gain <= 0.0 {
                break;
            }
            self.move_over(functions[left], 0);
            self.move_over(functions[right], 1);
            functions.swap(left, right);
            exchanged = true;
        }
        exchanged
    }

    /// What leaving this half is worth, in bits.
    fn gain(&self, function: usize, half: usize) -> f64 {
        let gain = |run: &usize| {
            let (here, there) = (self.counts[*run][half], self.counts[*run][1 - half]);
            bits(here - 1) + bits(there + 1) - bits(here) - bits(there)
        };
        self.runs[function].iter().map(gain).sum()
    }

    fn move_over(&mut self, function: usize, half: usize) {
        for run in &self.runs[function] {
            self.counts[*run][half] -= 1;
            self.counts[*run][1 - half] += 1;
        }
    }
}

/// What having so many of a run in one half saves.
fn bits(count: u32) -> f64 {
    let count = f64::from(count);
    count * (count + 1.0).log2()
}

/// Writes a module anew.
struct Writer {
    imported: u32,
    /// Which function comes at each place.
    order: Vec<usize>,
    /// The place of each function.
    places: Vec<u32>,
}

impl Reencode for Writer {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Infallible>> {
        Ok(match function.checked_sub(self.imported) {
            Some(own) => self.imported + self.places[own as usize],
            None => function,
        })
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        let types = section.into_iter().collect::<Result<Vec<_>, _>>()?;
        for function in &self.order {
            functions.function(types[*function]);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        let bodies = section.into_iter().collect::<Result<Vec<_>, _>>()?;
        for function in self.order.clone() {
            utils::parse_function_body(self, code, bodies[function].clone())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{
        CodeSection, ExportKind, ExportSection, Function, FunctionSection, Module, TypeSection,
        ValType,
    };
    use wasmparser::{Parser, Payload};

    use super::reorder;

    const COUNT: u32 = 112;

    /// Of thirteen kinds, in no order.
    fn kind(function: u32) -> i32 {
        (function * function % 113 % 13).cast_signed()
    }

    /// Functions of these kinds; each calls the next.
    fn module(count: u32) -> Vec<u8> {
        let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
        types.ty().function([ValType::I32], [ValType::I32]);
        let (mut code, mut exports) = (CodeSection::new(), ExportSection::new());
        for function in 0..count {
            functions.function(0);
            let mut body = Function::new([]);
            let mut sink = body.instructions();
            sink.local_get(0);
            for _ in 0..3 {
                sink.i32_const(kind(function)).i32_add();
            }
            sink.call((function + 1) % count).end();
            code.function(&body);
            exports.export(&format!("f{function}"), ExportKind::Func, function);
        }
        let mut module = Module::new();
        module
            .section(&types)
            .section(&functions)
            .section(&exports)
            .section(&code);
        module.finish()
    }

    /// The bodies in order, and by the number in the name of each the place of its function.
    fn parts(wasm: &[u8]) -> (Vec<Vec<u8>>, Vec<usize>) {
        let (mut bodies, mut places) = (Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.expect("the module is valid") {
                Payload::CodeSectionEntry(body) => bodies.push(body.as_bytes().to_vec()),
                Payload::ExportSection(section) => places.extend(
                    section
                        .into_iter()
                        .map(|export| export.expect("an export").index as usize),
                ),
                _ => {}
            }
        }
        (bodies, places)
    }

    #[test]
    fn what_is_alike_comes_together_and_calls_whom_it_called() {
        let wasm = module(COUNT);
        let ordered = reorder(&wasm).expect("the module is valid");
        let (bodies, places) = parts(&ordered);
        let kind = |body: &Vec<u8>| body[3..5].to_vec();
        let changes = |bodies: &[Vec<u8>]| {
            bodies
                .windows(2)
                .filter(|pair| kind(&pair[0]) != kind(&pair[1]))
                .count()
        };
        let (before, after) = (changes(&parts(&wasm).0), changes(&bodies));
        assert!(after * 3 < before * 2, "{before} changes, then {after}");
        for (function, place) in places.iter().enumerate() {
            let next = places[(function + 1) % COUNT as usize];
            let called = usize::from(bodies[*place][bodies[*place].len() - 2]);
            assert_eq!(called, next, "of function {function}");
        }
    }
}
