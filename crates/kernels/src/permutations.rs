use vitrine_gpu::ShaderSource;

use crate::{
