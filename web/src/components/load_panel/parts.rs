//! The tensors of a loading model as boxes: one column per part of the model.

use std::collections::BTreeMap;

use vitrine_protocol::TensorPlace;

/// Total width of the columns without gaps, and their height.
const WIDTH: f64 = 680.0;
pub const HEIGHT: f64 = 150.0;
const GAP: f64 = 3.0;
/// Minimum width of a column and minimum height of a box.
const NARROWEST: f64 = 6.0;
const LOWEST: f64 = 2.0;

/// The parts of a model, in the order of computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The table of token embeddings.
    Embedding,
    /// A decoder layer, from 0.
    Layer(u32),
    /// The final norm, the output head, and tensors without another part.
    Output,
}

/// A column of the diagram.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The part it shows.
    pub part: Part,
    /// Left edge.
    pub x: f64,
    /// Width.
    pub width: f64,
    /// Boxes from top to bottom.
    pub boxes: Vec<TensorBox>,
}

/// A tensor as a box.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorBox {
    /// Name, file and byte range of the tensor.
    pub place: TensorPlace,
    /// Upper edge.
    pub y: f64,
    /// Height.
    pub height: f64,
}

impl Column {
    /// Total size of its tensors.
    pub fn bytes(&self) -> u64 {
        self.boxes.iter().map(|it| it.place.bytes).sum()
    }
}

/// The part to which the tensor with this name belongs.
pub fn part_of(name: &str) -> Part {
    let words: Vec<&str> = name.split('.').collect();
    let layer = words.windows(2).find_map(|pair| match pair {
        ["blk" | "layers" | "h", number] => number.parse().ok(),
        _ => None,
    });
    match layer {
        Some(layer) => Part::Layer(layer),
        None if name.contains("embd") || name.contains("embed") || name.contains("wte") => {
            Part::Embedding
        }
        None => Part::Output,
    }
}

/// The columns, with areas proportional to bytes, and their total width.
pub fn columns(tensors: &[TensorPlace]) -> (Vec<Column>, f64) {
    let mut parts: BTreeMap<Part, Vec<&TensorPlace>> = BTreeMap::new();
    for tensor in tensors {
        parts.entry(part_of(&tensor.name)).or_default().push(tensor);
    }
    let total: u64 = tensors.iter().map(|it| it.bytes).sum();
    let mut x = 0.0;
    let columns = parts.into_iter().map(|(part, mut tensors)| {
        tensors.sort_by(|a, b| a.name.cmp(&b.name));
        let bytes: u64 = tensors.iter().map(|it| it.bytes).sum();
        let width = (WIDTH * share(bytes, total)).max(NARROWEST);
        let left = x;
        x += width + GAP;
        let heights: Vec<f64> = tensors
            .iter()
            .map(|it| (HEIGHT * share(it.bytes, bytes)).max(LOWEST))
            .collect();
        let scale = HEIGHT / heights.iter().sum::<f64>();
        let mut y = 0.0;
        let boxes = tensors.into_iter().zip(heights).map(|(place, height)| {
            let height = height * scale;
            let top = y;
            y += height;
            TensorBox {
                place: place.clone(),
                y: top,
                height,
            }
        });
        Column {
            part,
            x: left,
            width,
            boxes: boxes.collect(),
        }
    });
    let columns = columns.collect();
    (columns, x - GAP)
}

fn share(bytes: u64, of: u64) -> f64 {
    bytes as f64 / of.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_naming_are_understood() {
        assert_eq!(part_of("token_embd.weight"), Part::Embedding);
        assert_eq!(part_of("model.embed_tokens.weight"), Part::Embedding);
        assert_eq!(part_of("blk.12.attn_q.weight"), Part::Layer(12));
        assert_eq!(
            part_of("model.layers.3.self_attn.q_proj.weight"),
            Part::Layer(3)
        );
        assert_eq!(part_of("output_norm.weight"), Part::Output);
        assert_eq!(part_of("lm_head.weight"), Part::Output);
    }

    #[test]
    fn areas_follow_bytes() {
        let tensor = |name: &str, bytes| TensorPlace {
            name: name.to_owned(),
            file: 0,
            offset: 0,
            bytes,
        };
        let tensors = [
            tensor("output.weight", 4000),
            tensor("blk.0.b", 3000),
            tensor("blk.0.a", 1000),
            tensor("token_embd.weight", 8000),
        ];
        let (columns, _) = columns(&tensors);
        let parts: Vec<Part> = columns.iter().map(|it| it.part).collect();
        assert_eq!(parts, [Part::Embedding, Part::Layer(0), Part::Output]);
        assert_eq!(columns[0].width, 2.0 * columns[1].width);
        assert_eq!(columns[1].bytes(), 4000);
        let [a, b] = columns[1].boxes.as_slice() else {
            panic!("two tensors");
        };
        assert_eq!(a.place.name, "blk.0.a");
        assert_eq!(b.height, 3.0 * a.height);
        assert_eq!(b.y, a.height);
    }
}
