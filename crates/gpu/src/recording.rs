//! A list of GPU commands that is recorded once and replayed for every token.

use crate::timing::Spans;
use crate::{Binding, Bound, Gpu, GpuError, Kernel, Store, texture};

/// Commands in order.
#[derive(Clone, Default)]
pub struct Recording {
    commands: Vec<Command>,
    /// The label of dispatches that are added now.
    place: Place,
}

/// The label of a dispatch in timings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The stage of a pass, such as `attention` or `mlp`.
    pub stage: &'static str,
    /// The layer, if the stage belongs to one.
    pub layer: Option<u32>,
    /// The operation, such as `qkv_proj`.
    pub name: &'static str,
}

#[derive(Clone)]
enum Command {
    Dispatch(Dispatch),
    Copy {
        source: Store,
        source_offset: u64,
        target: Store,
        target_offset: u64,
        length: Length,
    },
}

/// Number of bytes to copy.
#[derive(Clone, Copy)]
enum Length {
    Fixed(u64),
    PerToken(u64),
}

/// A kernel with its buffers and its grid.
#[derive(Clone)]
pub struct Dispatch {
    kernel: Kernel,
    bind_group: wgpu::BindGroup,
    grid: Grid,
    place: Place,
    /// A bind group does not keep its resources alive.
    _bound: Vec<Store>,
}

/// Workgroups along x and y.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Along x.
    pub x: Extent,
    /// Along y.
    pub y: Extent,
}

/// Number of workgroups along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// A constant.
    Fixed(u32),
    /// One per `per` tokens of the pass, rounded up.
    Tokens {
        /// Tokens that one workgroup covers.
        per: u32,
    },
}

impl Grid {
    /// Workgroups along x.
    #[must_use]
    pub fn line(x: u32) -> Self {
        Self::plane(Extent::Fixed(x), Extent::Fixed(1))
    }

    /// Workgroups along x and y.
    #[must_use]
    pub fn plane(x: Extent, y: Extent) -> Self {
        Self { x, y }
    }
}

impl Extent {
    fn resolve(self, n_tokens: u32) -> u32 {
        match self {
            Self::Fixed(count) => count,
            Self::Tokens { per } => n_tokens.div_ceil(per),
        }
    }
}

impl Dispatch {
    /// Binds to each binding of `kernel` the resource of that name in `bindings`.
    ///
    /// # Errors
    /// When a binding of the kernel is missing, or the kernel has no binding of a given name.
    pub fn new(
        gpu: &Gpu,
        kernel: &Kernel,
        bindings: &[(&'static str, Bound<'_>)],
        grid: Grid,
    ) -> Result<Self, GpuError> {
        let wanted = &kernel.source().bindings;
        let bound = in_order(wanted, bindings).map_err(|reason| GpuError::Shader {
            shader: kernel.label().to_owned(),
            reason,
        })?;
        let entries: Vec<_> = (0..)
            .zip(&bound)
            .map(|(binding, bound)| wgpu::BindGroupEntry {
                binding,
                resource: bound.resource(),
            })
            .collect();
        let bind_group = gpu.device().create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(kernel.label()),
            layout: kernel.layout(),
            entries: &entries,
        });
        Ok(Self {
            kernel: kernel.clone(),
            bind_group,
            grid,
            place: Place::default(),
            _bound: bound.into_iter().map(Bound::store).collect(),
        })
    }
}

/// The resources in the order of the kernel's bindings, or a description of what is wrong.
fn in_order<T: Copy>(
    wanted: &[(&'static str, Binding)],
    given: &[(&'static str, T)],
) -> Result<Vec<T>, String> {
    let is_wanted = |name| wanted.iter().any(|(known, _)| *known == name);
    if let Some((name, _)) = given.iter().find(|(name, _)| !is_wanted(*name)) {
        return Err(format!("it has no binding \"{name}\""));
    }
    let find = |(name, _): &(&'static str, Binding)| {
        let found = given.iter().find(|(known, _)| known == name);
        found
            .map(|(_, bound)| *bound)
            .ok_or_else(|| format!("nothing is bound to \"{name}\""))
    };
    wanted.iter().map(find).collect()
}

impl Recording {
    /// Sets the label of dispatches that are added from now on.
    pub fn enter(&mut self, place: Place) {
        self.place = place;
    }

    /// The current label.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Adds a dispatch.
    pub fn dispatch(&mut self, mut dispatch: Dispatch) {
        dispatch.place = self.place;
        self.commands.push(Command::Dispatch(dispatch));
    }

    /// Adds a copy of `bytes` bytes from `source` to `target`. Offsets and length are multiples of 4; for textures
    /// they are whole texels, and between two textures both offsets are equal.
    pub fn copy<'a>(
        &mut self,
        source: impl Into<Bound<'a>>,
        source_offset: u64,
        target: impl Into<Bound<'a>>,
        target_offset: u64,
        bytes: u64,
    ) {
        self.commands.push(Command::Copy {
            source: source.into().store(),
            source_offset,
            target: target.into().store(),
            target_offset,
            length: Length::Fixed(bytes),
        });
    }

    /// Adds a copy of the rows of all tokens of the pass, `row_bytes` each, from the start of `source` to the start
    /// of `target`.
    pub fn copy_rows<'a>(
        &mut self,
        source: impl Into<Bound<'a>>,
        target: impl Into<Bound<'a>>,
        row_bytes: u64,
    ) {
        self.commands.push(Command::Copy {
            source: source.into().store(),
            source_offset: 0,
            target: target.into().store(),
            target_offset: 0,
            length: Length::PerToken(row_bytes),
        });
    }

    /// Whether it has no commands.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// The names of its kernels in order, and `copy` for each copy.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.commands.iter().map(|command| match command {
            Command::Dispatch(dispatch) => dispatch.kernel.label(),
            Command::Copy { .. } => "copy",
        })
    }

    /// Its kernels in order, with their labels.
    pub fn kernels(&self) -> impl Iterator<Item = (Place, &Kernel)> {
        self.commands.iter().filter_map(|command| match command {
            Command::Dispatch(dispatch) => Some((dispatch.place, &dispatch.kernel)),
            Command::Copy { .. } => None,
        })
    }

    /// Number of dispatches.
    #[must_use]
    pub fn dispatches(&self) -> usize {
        let is_dispatch = |command: &&Command| matches!(command, Command::Dispatch(_));
        self.commands.iter().filter(is_dispatch).count()
    }

    /// Encodes the commands. Consecutive kernels share a compute pass, because a pass costs more than a dispatch,
    /// unless `spans` times them separately.
    pub(crate) fn replay(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        n_tokens: u32,
        mut spans: Option<&mut Spans<'_>>,
    ) {
        let mut commands = self.commands.iter().peekable();
        while let Some(command) = commands.next() {
            match command {
                Command::Copy {
                    source,
                    source_offset,
                    target,
                    target_offset,
                    length,
                } => {
                    let (from, to) = ((source, *source_offset), (target, *target_offset));
                    let bytes = match *length {
                        Length::Fixed(bytes) => bytes,
                        Length::PerToken(bytes) => bytes * u64::from(n_tokens),
                    };
                    texture::copy(encoder, from, to, bytes);
                }
                Command::Dispatch(first) => {
                    let timestamp_writes = spans
                        .as_mut()
                        .and_then(|spans| spans.begin(first.place, first.kernel.name()));
                    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                        label: None,
                        timestamp_writes,
                    });
                    first.encode(&mut pass, n_tokens);
                    while let Some(Command::Dispatch(next)) = commands.peek() {
                        let joins = spans.as_mut().is_none_or(|spans| spans.joins(next.place));
                        if !joins {
                            break;
                        }
                        next.encode(&mut pass, n_tokens);
                        commands.next();
                    }
                }
            }
        }
    }
}

impl Dispatch {
    fn encode(&self, pass: &mut wgpu::ComputePass<'_>, n_tokens: u32) {
        pass.set_pipeline(self.kernel.pipeline());
        let Grid { x, y } = self.grid;
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.dispatch_workgroups(x.resolve(n_tokens), y.resolve(n_tokens), 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_are_found_by_name() {
        let wanted = [("x", Binding::Read), ("y", Binding::ReadWrite)];
        assert_eq!(in_order(&wanted, &[("y", 2), ("x", 1)]), Ok(vec![1, 2]));
        let missing = in_order(&wanted, &[("x", 1)]).unwrap_err();
        assert_eq!(missing, "nothing is bound to \"y\"");
        let extra = in_order(&wanted, &[("x", 1), ("y", 2), ("z", 3)]).unwrap_err();
        assert_eq!(extra, "it has no binding \"z\"");
    }
}
