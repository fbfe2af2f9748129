#!/bin/sh
# Fills corpus/ with seeds for every target, from the models of the tests.
set -eu
cd "$(dirname "$0")"
fixtures=../tests/fixtures
for target in gguf safetensors safetensors_index config_json tokenizer_json \
    folder_texts chat_template; do
    mkdir -p "corpus/$target"
done
# put NAME FILE TARGET
put() { cp "$2" "corpus/$3/$(echo "$1" | tr '/' '_')"; }
find "$fixtures" -name '*.gguf' | while read -r file; do
    # Only the directory matters.
    head -c 16384 "$file" > "corpus/gguf/$(echo "${file#"$fixtures"/}" | tr '/' '_')"
    [ "$(stat -c %s "$file")" -gt 300000 ] || put "whole-${file#"$fixtures"/}" "$file" gguf
done
find "$fixtures" -name '*.safetensors' | while read -r file; do
    [ "$(stat -c %s "$file")" -gt 20000 ] || put "${file#"$fixtures"/}" "$file" safetensors
done
for name in config config.old tokenizer generation_config model.safetensors.index; do
    find "$fixtures" -name "$name.json" | while read -r file; do
        case "$name" in
        config*) target=config_json ;;
        tokenizer) target=tokenizer_json ;;
        generation_config)
            # The first byte selects the file.
            { printf '\002'; cat "$file"; } >"corpus/folder_texts/$(echo "${file#"$fixtures"/}" | tr '/' '_')"
            continue
            ;;
        *) target=safetensors_index ;;
        esac
        put "${file#"$fixtures"/}" "$file" "$target"
    done
done
cp seeds/tokenizer_json/* corpus/tokenizer_json/
cp seeds/folder_texts/* corpus/folder_texts/
python3 - "$fixtures/chat_templates.json" corpus/chat_template <<'P'
import json, pathlib, sys
def texts(value):
    if isinstance(value, str):
        yield value
    elif value is not None and not isinstance(value, (int, float, bool)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts(part)
found = [text for text in texts(json.load(open(sys.argv[1]))) if "{%" in text or "{{" in text]
for number, text in enumerate(found):
    pathlib.Path(sys.argv[2], f"{number}.jinja").write_text(text)
P
