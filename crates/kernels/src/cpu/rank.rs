/// The logit of `id`, and how many others have a higher logit, or the same logit and a lower id.
#[must_use]
pub fn rank(logits: &[f32], id: u32) -> (f32, u32) {
    let logit = logits[id as usize];
    let comes_before = |&(other, x): &(u32, &f32)| *x > logit || (*x == logit && other < id);
    (logit, (0..).zip(logits).filter(comes_before).count() as u32)
}
