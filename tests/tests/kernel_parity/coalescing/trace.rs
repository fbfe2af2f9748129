//! A kernel that logs which elements of its buffers the invocations of a workgroup load: its own text, in which each
//! load of a buffer passes its index through a function that notes it down.

use vitrine_gpu::{Binding, Bound, Buffer, Dispatch, Extent, Gpu, Grid, ShaderSource};

use crate::support::{run, zeros};

/// The most invocations of a workgroup, and the most loads of each.
const LANES: u32 = 256;
const LOADS: u32 = 512;

/// Numbers of bindings as their names.
const NUMBERS: [&str; 12] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"];

const NOTE: &str = "
@binding(LOG) var<storage, read_write> trace_log: array<u32>;
var<private> trace_lane: u32;
var<private> trace_loads: u32;
fn traced(site: u32, i: u32) -> u32 {
    if (trace_loads < LOADS) {
        trace_log[trace_lane * LOADS + trace_loads] = (site << 24u) | i;
    }
    trace_loads++;
    return i;
}
";

/// Such a kernel, ready to run.
pub struct Traced {
    dispatch: Dispatch,
    log: Buffer,
    sites: Vec<Site>,
}

/// A place in the text where a buffer is loaded from.
pub struct Site {
    /// The function that loads.
    pub name: String,
    /// Bytes of an element of the buffer.
    pub bytes: u32,
}

/// The elements that each invocation loaded at a place, in order.
pub struct Loads {
    pub site: Site,
    pub lanes: Vec<Vec<u32>>,
}

impl Traced {
    /// Of this kernel with its bindings in order. `traced` are names of buffers and bytes of their elements.
    pub fn new(gpu: &Gpu, of: &ShaderSource, bound: &[Bound<'_>], traced: &[(&str, u32)]) -> Self {
        let (template, sites) = rewritten(&of.wgsl().unwrap(), traced, of.bindings.len());
        let kinds = of.bindings.iter().map(|(_, binding)| *binding);
        let kinds = kinds.chain([Binding::ReadWrite]);
        let source = ShaderSource {
            name: format!("traced {}", of.label()).leak(),
            template: template.leak(),
            bindings: NUMBERS.into_iter().zip(kinds).collect(),
            ..ShaderSource::default()
        };
        let log = zeros(gpu, LANES * LOADS);
        let kernel = gpu.kernel(&source).unwrap();
        let grid = Grid::plane(Extent::Fixed(1), Extent::Fixed(1));
        let bound = bound.iter().copied().chain([log.whole()]);
        let bound: Vec<_> = NUMBERS.into_iter().zip(bound).collect();
        Self {
            dispatch: Dispatch::new(gpu, &kernel, &bound, grid).unwrap(),
            log,
            sites,
        }
    }

    /// Runs one workgroup.
    pub fn run(self, gpu: &Gpu) -> Vec<Loads> {
        let log = run::<u32>(gpu, [self.dispatch], 1, &self.log, LANES * LOADS);
        let lanes: Vec<&[u32]> = log.chunks_exact(LOADS as usize).collect();
        let is_whole = |lane: &&[u32]| lane.last() == Some(&0);
        assert!(lanes.iter().all(is_whole), "there is no room for all loads");
        let of_site = |(number, site): (u32, Site)| {
            let elements = |lane: &&[u32]| -> Vec<u32> {
                let noted = lane.iter().filter(|word| *word >> 24 == number);
                noted.map(|word| word & 0x00FF_FFFF).collect()
            };
            let lanes: Vec<_> = lanes.iter().map(elements).collect();
            // A number format without scales has the code for them, and does not get there.
            let is_there = lanes.iter().any(|lane| !lane.is_empty());
            is_there.then_some(Loads { site, lanes })
        };
        // An unwritten word of the log is 0.
        let found: Vec<_> = (1..).zip(self.sites).filter_map(of_site).collect();
        assert!(!found.is_empty(), "nothing is loaded");
        found
    }
}

/// The text of a kernel with this many bindings that logs its loads, and their places.
fn rewritten(wgsl: &str, traced: &[(&str, u32)], bindings: usize) -> (String, Vec<Site>) {
    let mut text = wgsl.replace("@group(0) @binding", "@binding");
    let mut sites = Vec::new();
    for (buffer, bytes) in traced {
        text = with_notes(&text, &format!("{buffer}["), *bytes, &mut sites);
    }
    assert!(!sites.is_empty(), "there are no loads of {traced:?}");
    let index = "@builtin(local_invocation_index) ";
    let (_, behind) = text.split_once(index).unwrap();
    let lane = behind.split([':', ' ']).next().unwrap();
    let (before, main) = text.split_once("fn main(").unwrap();
    let (head, body) = main.split_once('{').unwrap();
    let note = NOTE
        .replace("@binding(LOG)", &format!("@binding({bindings})"))
        .replace("LOADS", &format!("{LOADS}u"));
    // Attributes precede `main`.
    let text = format!("{note}{before}fn main({head}{{\n    trace_lane = {lane};{body}");
    (text, sites)
}

fn with_notes(text: &str, opening: &str, bytes: u32, sites: &mut Vec<Site>) -> String {
    let (mut done, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(opening) {
        let (before, after) = rest.split_at(at + opening.len());
        let is_longer_name = rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        done += before;
        rest = after;
        if is_longer_name {
            continue;
        }
        let (index, after) = after.split_at(closing(after));
        let (_, function) = done.rsplit_once("\nfn ").unwrap();
        let name = function.split('(').next().unwrap().to_owned();
        sites.push(Site { name, bytes });
        done += &format!("traced({}u, {index})", sites.len());
        rest = after;
    }
    done + rest
}

/// Where the bracket closes that was opened before.
fn closing(text: &str) -> usize {
    let mut open = 1;
    let is_last = |c: char| {
        open += i32::from(c == '[') - i32::from(c == ']');
        open == 0
    };
    text.find(is_last).unwrap()
}
