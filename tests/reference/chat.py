"""A chat template rendered as transformers renders it."""

from transformers.utils.chat_template_utils import render_jinja_template


def render(template, messages, add_generation_prompt, **tokens):
    """The text of a conversation; `tokens` are bos_token, eos_token and such."""
    rendered, _ = render_jinja_template(
        [messages],
        chat_template=template,
        add_generation_prompt=add_generation_prompt,
        **tokens,
    )
    return rendered[0]
