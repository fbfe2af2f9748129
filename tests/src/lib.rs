//! Kernel parity, golden tokens, shader validation, and the page in a real browser.
