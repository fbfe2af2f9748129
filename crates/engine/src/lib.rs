//! The generate loop: prompt in, tokens and their distributions out.
