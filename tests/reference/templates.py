"""Chat templates that use what real ones use, written for this test."""

# The usual ways to write a conversation.
CHATML = """\
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\\n' + message.content | trim + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

HEADERS = """\
{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system = "" %}
{%- endif %}
{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{{- "<|header|>system<|/header|>\\n\\nToday: " + date_string + "\\n" }}
{%- if tools is not none %}{{ "tools" }}{% endif %}
{{- system }}
{{- "<|end|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'tool' or 'tool_calls' in message) %}
    {{- '<|header|>' + message['role'] + '<|/header|>\\n\\n' + message['content'] | trim + '<|end|>' }}
    {%- endif %}
{%- endfor %}
"""

INSTRUCTIONS = """\
{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system = false %}{% endif %}
{% for message in loop_messages %}
{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}
{% if loop.index0 == 0 and system != false %}
{% set content = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + message['content'] %}
{% else %}
{% set content = message['content'] %}
{% endif %}
{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}
{% endfor %}"""

THINKING = """\
{%- set ns = namespace(last=-1, count=0) %}
{%- for message in messages %}
    {%- if message.role == 'user' %}{%- set ns.last = loop.index0 %}{%- endif %}
    {%- set ns.count = ns.count + 1 %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content %}
    {%- if message.role == 'assistant' and '</think>' in content %}
        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
    {%- endif %}
    {%- if content is string and content.startswith('  ') %}{{- '[indented]' }}{%- endif %}
    {{- loop.index ~ '/' ~ loop.length ~ ' ' ~ message.role.upper() ~ ': ' ~ content.rstrip() }}
    {%- if loop.last %}{{ '.' }}{% else %}{{ ';' }}{% endif %}
{%- endfor %}
{{- ns.last }} of {{ ns.count }}
"""

MACROS = """\
{%- macro turn(role, text, end='<|end|>') -%}
    {{ '<|' ~ role ~ '|>' }}
    {{ text | replace('\\n', ' ') }}{{ end }}
{%- endmacro -%}
{%- for m in messages -%}
{{ turn(m.role, m.content) }}
{% endfor -%}
{{ turn('assistant', '', end='') if add_generation_prompt else eos_token }}"""

# Single features.
FEATURES = [
    "{% for m in messages %}\n  {% if true %}\n    {{ m.role }}\n  {% endif %}\n{% endfor %}\n",
    "{% for m in messages %}\n{{- m.role -}}\n{% endfor %}\n\n",
    "a\n  {%- if true %}  b  {% endif -%}\n c {#- comment -#} d\n",
    "  {% if true %}x{% endif %}\n  {# comment #}\ny",
    "{%+ if true %}x{% endif %}\n",
    "{{ messages | length }} {{ messages[-1]['role'] }} {{ messages[0:1] | length }}",
    "{{ messages | map(attribute='role') | join(', ') }}",
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}",
    "{{ (messages | rejectattr('role', '==', 'system') | first).content }}",
    "{{ messages[0] | tojson }}",
    "{{ messages[0].content | tojson }} {{ '<é🙂\"/' | tojson }}",
    "{{ {'a': 1, 'b': [true, none, 1.5]} | tojson }}",
    "{{ {'a': 1, 'b': [true, {}, []]} | tojson(indent=2) }}",
    "{% for key, value in messages[0].items() %}{{ key }}={{ value }};{% endfor %}",
    "{% for m in messages if m.role != 'system' %}{{ loop.index0 }}{{ m.role }}{% endfor %}",
    "{% for m in messages %}{% if loop.index0 == 1 %}{% break %}{% endif %}{{ m.role }}{% endfor %}",
    "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m.role }}{% endfor %}",
    "{% for m in [] %}x{% else %}none{% endfor %}",
    "{% set x %}{{ messages[0].role }}!{% endset %}{{ x }}{{ x | upper }}",
    "{{ missing }}{{ missing is defined }}{{ missing | default('d') }}{{ eos_token is defined }}",
    "{{ true }} {{ none }} {{ 1 + 1 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 1.0 }} {{ 3 / 2 }}",
    "{{ ['a', 'b'] }} {{ {'k': 'v'} }}",
    "{{ 'a' if false }}{{ 'b' if true else 'c' }}",
    "{{ 'abc'[1:] }}{{ 'abc'[::-1] }}{{ 'abc'[0] }}{{ messages[::-1][0].role }}",
    "{{ ' x y '.strip() }}|{{ 'xxyxx'.strip('x') }}|{{ 'a,b,c'.split(',') | join('-') }}",
    "{{ 'Hello'.lower().title().replace('l', 'L').startswith('He') }}{{ 'x'.endswith('x') }}",
    "{{ 'a b'.split() | length }}{{ 'abc'.find('c') }}{{ 'k: v'.split(': ', 1)[1] }}",
    "{{ 'x' in 'xyz' and 'user' not in ['a'] }}{{ messages[0].role in ['user', 'system'] }}",
    "{{ messages is iterable }}{{ messages[0] is mapping }}{{ 'a' is string }}{{ 1 is number }}",
    "{% if messages[0].content is not none and messages[0].tool_calls is not defined %}y{% endif %}",
    "{{ 'a' ~ 1 ~ none }}{{ 'ab' * 2 }}{{ '{}-{}'.format('a', 3) }}",
    "{{ messages[0].get('name', 'nobody') }}{{ messages[0]['role'] }}{{ messages[0].get('role') }}",
    "{% set ns = namespace(found=false) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.found = true %}{% endif %}{% endfor %}{{ 'f' if ns.found }}",
    "{% for m in messages %}{{ loop.previtem.role if loop.previtem is defined else '^' }}{{ loop.nextitem.role if loop.nextitem is defined else '$' }} {% endfor %}",
    "{% generation %}x{% endgeneration %}\n{%- generation %} y{% endgeneration -%} z",
    "{{ '\\n\\t\\\\' }}{{ \"it's\" }}{{ 'say \"x\"' }}{{ '{{ x }}' }}",
    "{{ range(3) | list | join }}{{ range(1, 6, 2) | sum }}{{ [3, 1, 2] | sort | last }}",
    "{{ dict(a=1)['a'] }}{{ {'a': {'b': 2}}.a.b }}{{ [1, 2] + [3] }}",
    "{{ raise_exception('no: ' + messages[0].role) }}",
    "{{ messages[0].content | trim | length > 2 }}{{ 'a' < 'b' }}{{ not true or 1 == 1 }}",
    "{{ '<b>&' | e }}{{ '<b>&' }}{{ 'x' | safe }}",
    "{%- if messages[0].role == 'system' -%}s{%- elif messages | length == 2 -%}two{%- else -%}other{%- endif -%}",
    "{% raw %}{{ raw }}{% endraw %}\n{% filter upper %}x{{ 'y' }}{% endfilter %}",
    "{{ 'a\\nb' | indent(2) }}{{ 'a\\nb'.splitlines() | length }}{{ 'ä'.upper() }}",
    "{{ messages[5].role }}",
    "{{ messages[5] }}{{ 'end' }}",
]

TEMPLATES = [CHATML, HEADERS, INSTRUCTIONS, THINKING, MACROS, *FEATURES]

CONVERSATIONS = [
    [{"role": "user", "content": "  Hi\n there "}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\nBecause. "},
        {"role": "user", "content": "你好 🙂 <b>"},
    ],
    [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
]
