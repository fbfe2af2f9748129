//! Statistics of a kernel on a family of GPUs.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::compile::Compiled;
use crate::disassembly::{self, Loop};
use crate::mnemonics::Kind;
use crate::unit::Unit;

/// Statistics of a compiled kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Vector registers of a lane.
    pub vgprs: u32,
    /// Of those that it wanted, how many are in memory.
    pub spilled_vgprs: u32,
    /// Scalar registers that are kept in vector registers.
    pub spilled_sgprs: u32,
    /// Bytes of scratch memory of a subgroup, for values that are not in registers.
    pub scratch_bytes: u32,
    /// Bytes of workgroup memory.
    pub lds_bytes: u32,
    /// Subgroups that one SIMD unit can have at a time.
    pub waves: u32,
    /// Instructions in all.
    pub instructions: u32,
    /// The compiler's estimate of the cycles that a subgroup keeps the SIMD unit from others.
    pub inverse_throughput: u32,
    /// Its inner loop, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inner: Option<Inner>,
}

/// The loop in which a kernel multiplies and adds most, with what loops inside of it do in one trip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inner {
    /// Its label in the machine code.
    pub label: String,
    /// Instructions of it.
    pub instructions: u32,
    /// Of those, what each lane does.
    pub vector: u32,
    /// Of those, what multiplies and adds, and is in no loop inside of it.
    #[serde(default)]
    pub own_fused: u32,
    /// All of them by kind.
    pub mix: BTreeMap<Kind, usize>,
    /// The work of an iteration, if the kernel declares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Other loops.
    pub other_loops: u32,
}

impl Measured {
    /// From the driver's statistics; the inner loop is the one with `fused` multiply-adds, if any has.
    ///
    /// # Errors
    /// When the driver does not report its machine code.
    pub fn new(compiled: &Compiled, fused: Option<u32>) -> Result<Self> {
        let loops = disassembly::loops(&disassembly::blocks(compiled.machine_code()?));
        let of = |name| compiled.statistic(name) as u32;
        Ok(Self {
            vgprs: of("VGPRs"),
            spilled_vgprs: of("Spilled VGPRs"),
            spilled_sgprs: of("Spilled SGPRs"),
            scratch_bytes: of("Scratch size"),
            lds_bytes: of("LDS size"),
            waves: of("Subgroups per SIMD"),
            instructions: of("Instructions"),
            inverse_throughput: of("Inverse Throughput"),
            inner: disassembly::inner(&loops, fused).map(|inner| Inner::new(inner, loops.len())),
        })
    }

    /// The same, if an iteration of the inner loop covers this. If that loop is gone, perhaps unrolled, no other has
    /// its unit.
    pub fn with_unit(mut self, unit: Option<Unit>) -> Self {
        if let Some(inner) = &mut self.inner {
            let is_meant = |unit: &Unit| unit.fused.is_none_or(|fused| fused == inner.own_fused);
            inner.unit = unit.filter(is_meant);
        }
        self
    }

    /// Whether something of it is in memory that should be in registers.
    pub fn spills(&self) -> bool {
        self.spilled_vgprs > 0 || self.scratch_bytes > 0
    }

    /// Instructions of the inner loop for each weight, product or pair.
    pub fn per_unit(&self) -> Option<f64> {
        let inner = self.inner.as_ref()?;
        Some(f64::from(inner.instructions) / inner.unit?.per_trip)
    }

    /// The same, for vector instructions.
    pub fn vector_per_unit(&self) -> Option<f64> {
        let inner = self.inner.as_ref()?;
        Some(f64::from(inner.vector) / inner.unit?.per_trip)
    }
}

impl Inner {
    fn new(inner: &Loop, loops: usize) -> Self {
        Self {
            label: inner.label.clone(),
            instructions: inner.instructions as u32,
            vector: inner.vector() as u32,
            own_fused: inner.own_fused as u32,
            mix: inner.mix.clone(),
            unit: None,
            other_loops: loops as u32 - 1,
        }
    }

    /// Which part of it multiplies and adds in one instruction, 0 to 1.
    pub fn fused_share(&self) -> f64 {
        let of = |kind| self.mix.get(&kind).copied().unwrap_or(0) as f64;
        (of(Kind::Fma) + of(Kind::Dot)) / f64::from(self.instructions.max(1))
    }
}
