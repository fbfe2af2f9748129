"""The prompts of the golden fixtures.

They were chosen so that the best two logits are at least 0.05 apart at every step: a float32
implementation whose logits are within 0.02 of the reference must write the same tokens.
"""

# Written for this test; some 330 tokens, so that prefill goes past a tile of 256.
LIGHTHOUSE = """\
The lighthouse at Varn stood on a rock so small that at high tide the waves washed the lowest \
step of its stair. For forty years its keeper had been a woman called Ilse, who lived there with \
a grey cat, a barometer, and eleven hundred books that she had read in the order in which they \
came off the boats. Every evening, an hour before sunset, she climbed the hundred and twelve \
steps, wiped the salt from the glass, filled the lamp, and wrote one line in a ledger: the wind, \
the height of the water, and the number of ships she could see.

In the spring of her last year on the rock, a young man named Tomas came to learn the work. He \
was quick and careless, and he asked why anyone should count ships that passed without stopping. \
Ilse did not answer. She gave him the ledger, and told him to read it from the first page. It \
took him nine nights. On the tenth he came down the stair with the book under his arm and said \
that he had found something strange: on the third day of every November, for forty years, there \
had been exactly one ship more than the harbour master's list had shown.

Ilse put the kettle on the stove and sat down across from him at the table. "So you have learned \
to count," she said. "Now I will tell you about that ship." She told him that it came from the \
north, without lights, and that it had never once entered the harbour. Tomas looked at the \
window, where the lamp swept over the dark water. He asked, "What was the name of the ship?\""""


# name -> text, or messages for the model's chat template
PROMPTS = {
    "france": "The capital of France is",
    "japan": "The capital of Japan is",
    "chat": [{"role": "user", "content": "Why is the sky blue?"}],
    "chat_stop": [{"role": "user", "content": "What is the capital of France?"}],
    "long": LIGHTHOUSE,
    "chinese_emoji": "你好，世界！🌍 我喜欢",
    "code_digits": "for i in range(10):\n    print(i * 12345)\n\n# Output:\n",
}
