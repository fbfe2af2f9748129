/// A head of keys or values as signed bytes and their scale, a 127th of the largest absolute value
/// (`KvDtype::Q8`); that is not finite where one of the values is not.
#[must_use]
pub fn quantize_head(head: &[f32]) -> (Vec<i8>, f32) {
    // In this order a NaN is above all.
    let largest = head.iter().map(|x| x.abs()).max_by(f32::total_cmp);
    let largest = largest.unwrap_or_default();
    let byte = |x: &f32| (x / largest.max(1e-30) * 127.0 + 0.5).floor() as i8;
    (head.iter().map(byte).collect(), largest / 127.0)
}

/// Dequantises the bytes of a head.
#[must_use]
pub fn dequantize_head(bytes: &[i8], scale: f32) -> Vec<f32> {
    let value = |byte: &i8| f32::from(*byte) * scale;
    bytes.iter().map(value).collect()
}
