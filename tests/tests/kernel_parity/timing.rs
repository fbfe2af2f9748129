use pollster::block_on;
use vitrine_gpu::{Detail, Extent, Gpu, Place, Recording, Span};
use vitrine_kernels::SoftCap;

use crate::support::{buffer, gpu, numbers};

const N: u32 = 1 << 16;

/// Three runs of a kernel on `N` numbers: two of one layer and one of the next.
fn timed(gpu: &Gpu, detail: Detail) -> (Vec<f32>, Vec<Span>) {
    let x = buffer(gpu, &numbers(1, N as usize));
    let kernel = SoftCap {
        n: N,
        stride: N,
        cap: 0.5,
    };
    let mut recording = Recording::default();
    for (layer, name) in [(0, "first"), (0, "second"), (1, "third")] {
        recording.enter(Place {
            stage: "test",
            layer: Some(layer),
            name,
        });
        recording.dispatch(kernel.dispatch(gpu, &x, Extent::Fixed(1)).unwrap());
    }
    let results = [(&x, u64::from(N) * 4)];
    let timer = gpu.timer(detail).unwrap().unwrap();
    let (readback, pending) = gpu.submit_and_read_timed(1, [&recording], &results, &timer);
    let bytes = block_on(readback.bytes()).unwrap();
    let (values, ticks) = bytes.split_at(bytes.len() - pending.bytes());
    let values = bytemuck::pod_collect_to_vec(values);
    assert_eq!(values.len(), N as usize);
    (values, pending.spans(ticks))
}

#[test]
fn timestamps_tell_kernels_or_stages_apart_and_change_nothing() {
    let gpu = gpu();
    if !gpu.caps().timestamps {
        return;
    }
    let (by_kernel, kernels) = timed(&gpu, Detail::Kernels);
    let (by_stage, stages) = timed(&gpu, Detail::Stages);
    assert_eq!(by_kernel, by_stage);
    let tell = |spans: &[Span]| -> Vec<_> {
        spans
            .iter()
            .map(|span| (span.place.name, span.kernel, span.dispatches))
            .collect()
    };
    assert_eq!(
        tell(&kernels),
        [
            ("first", "soft_cap", 1),
            ("second", "soft_cap", 1),
            ("third", "soft_cap", 1)
        ]
    );
    assert_eq!(
        tell(&stages),
        [("first", "soft_cap", 2), ("third", "soft_cap", 1)]
    );
    for span in kernels.iter().chain(&stages) {
        assert!(span.seconds > 0.0 && span.seconds < 60.0, "{span:?}");
    }
}
