#!/usr/bin/env python3
"""Writes chat_templates.json: templates rendered by jinja2, as transformers sets it up.

usage: make_templates.py [OUTPUT_FOLDER]
"""

import sys
from pathlib import Path

from jinja2.exceptions import TemplateError

import chat
from fixture_files import write_json
from python_expressions import EXPRESSIONS
from templates import CONVERSATIONS, TEMPLATES


def rendered(template, messages, add_generation_prompt):
    """The text, or null where the template refuses or fails."""
    try:
        tokens = {"bos_token": "<s>", "eos_token": "</s>"}
        return chat.render(template, messages, add_generation_prompt, **tokens)
    except (TemplateError, TypeError, ValueError, OverflowError):
        return None


def main():
    """All templates with all conversations, in the folder on the command line."""
    default = Path(__file__).parent.parent / "fixtures"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    document = {
        "conversations": CONVERSATIONS,
        "templates": [
            {
                "source": template,
                # For each conversation without and with the generation prompt.
                "texts": [
                    rendered(template, messages, prompt)
                    for messages in CONVERSATIONS
                    for prompt in [False, True]
                ],
            }
            for template in TEMPLATES
        ],
        # With the first conversation and no generation prompt.
        "expressions": [
            {"source": source, "text": rendered(source, CONVERSATIONS[0], False)}
            for source in EXPRESSIONS
        ],
    }
    write_json(folder / "chat_templates.json", document)


if __name__ == "__main__":
    main()
