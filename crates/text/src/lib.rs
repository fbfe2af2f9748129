//! Tokenizers and chat templates, from the files of the model.
