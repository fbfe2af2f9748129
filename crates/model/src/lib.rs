//! Model files, weights, the KV cache, and the plan of kernels of a decoder.
