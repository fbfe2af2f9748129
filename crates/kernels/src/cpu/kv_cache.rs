/// A head of keys or values as signed bytes and their scale, a 127th of the largest absolute value
/// (`KvDtype::Q8`).
#[must_use]
pub fn quantize_head(head: &[f32]) -> (Vec<i8>, f32) {
    let largest = head.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
    let byte = |x: &f32| (x / largest.max(1e-30) * 127.0 + 0.5).floor() as i8;
    (head.iter().map(byte).collect(), largest / 127.0)
}

/// What the bytes of a head mean.
#[must_use]
pub fn dequantize_head(bytes: &[i8], scale: f32) -> Vec<f32> {
    let value = |byte: &i8| f32::from(*byte) * scale;
    bytes.iter().map(value).collect()
}
