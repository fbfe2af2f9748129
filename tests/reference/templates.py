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

# The formats of known models, written for this test with the means that theirs use.
PHI3 = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ '<|system|>\\n' + message['content'] + '<|end|>\\n' }}"
    "{% elif message['role'] == 'user' %}{{ '<|user|>\\n' + message['content'] + '<|end|>\\n' }}"
    "{% elif message['role'] == 'assistant' %}"
    "{{ '<|assistant|>\\n' + message['content'] + '<|end|>\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}"
)

LLAMA3 = """\
{% set loop_messages = messages %}
{% for message in loop_messages %}
{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' %}
{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}
{{ content }}
{% endfor %}
{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}
"""

LLAMA32 = """\
{{- bos_token }}
{%- if custom_tools is defined %}{%- set tools = custom_tools %}{%- endif %}
{%- if not tools_in_user_message is defined %}{%- set tools_in_user_message = true %}{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") | length %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}{{- "Environment: ipython\\n" }}{%- endif %}
{{- "Today Date: " ~ date_string ~ "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("This model only supports single tool-calls at once!") }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

MISTRAL = """\
{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("After the optional system message, conversation roles must alternate user/assistant/user/assistant/...") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
        {%- if message == user_messages[-1] %}{{- "" }}{%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported, with the exception of an initial optional system message!") }}
    {%- endif %}
{%- endfor %}
"""

QWEN2 = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

QWEN3 = """\
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- for tool in tools %}{{- "\\n" }}{{- tool | tojson }}{%- endfor %}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}{%- set content = message.content %}{%- else %}{%- set content = '' %}{%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning_content = message.reasoning_content %}
        {%- else %}
            {%- if '</think>' in content %}
                {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
                {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index %}
            {%- if loop.last or (not loop.last and reasoning_content) %}
                {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
            {%- else %}
                {{- '<|im_start|>' + message.role + '\\n' + content }}
            {%- endif %}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}
"""

GEMMA3 = """\
{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '

' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '

' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '
' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}{{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>
' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model
'}}
{%- endif -%}
"""

# Gemma 1 and 2 know no system role.
GEMMA2 = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}{{ '<start_of_turn>' + message['role'] + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}"
)

SMOLLM2 = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

MODELS = [PHI3, LLAMA3, LLAMA32, MISTRAL, QWEN2, QWEN3, GEMMA3, GEMMA2, SMOLLM2]

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
    "{{ strftime_now('%Y-%m-%d') | length }}{{ strftime_now('%B')[0].isupper() }}{{ strftime_now('%%') }}",
    "{{ 'a' + 'b' ~ 1 + 2 ~ 'c' }}{{ 10 - 2 - 3 }}{{ 2 * 3 + 4 * 5 - 6 // 4 % 3 }}{{ 2 ** 3 }}",
    "{{ 1 < 2 < 3 }}{{ 1 < 3 < 2 }}{{ 'a' in 'abc' and 'd' not in 'abc' or false }}{{ -3 + 1 }}",
    "{{ 'ab' * 3 }}{{ [1, 2] * 2 }}{{ [1] + [2] + [3] }}{{ (1, 2) + (3,) }}{{ 'abcdef'[1:5:2] }}",
    "{% for a, b in [(1, 'x'), (2, 'y')] %}{{ a ~ b }}{% endfor %}{% set c, d = 3, 4 %}{{ c + d }}",
    "{% with a = 1, b = 'z' %}{{ a ~ b }}{% endwith %}{% if 0 %}a{% elif 0 %}b{% elif 1 %}c{% else %}d{% endif %}",
    "{% macro m(a, b='x', c=2) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }}{{ m(1, c=5) }}{{ m(1, 'y') }}",
    "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}in{% endcall %}{% set x | upper %}up{% endset %}{{ x }}",
    "{% for x in [[1, [2]], [3, []]] recursive %}{{ x[0] }}{{ loop(x[1:]) if false }}{% endfor %}",
    "{{ messages | map('upper') | list | length if false else 'ok' }}{{ ['a', 'b'] | map('upper') | join }}",
    "{{ [3, 1, 2] | sort | reverse | list }}{{ ['a', 'b', 'a'] | unique | list }}{{ [1, 2, 3] | batch(2) | list }}",
    "{{ 'a' if messages[0].role == 'user' and not (messages | length > 1) else 'b' }}{{ none is none }}",
    "{% set ns = namespace(a=1) %}{% set ns.b = [1] %}{% set ns.b = ns.b + [2] %}{{ ns.a }}{{ ns.b }}",
    "{{ {'a': 1}.items() | list | length }}{{ {'a': 1, 'b': 2}.keys() | join }}{{ {'b': 2}['b'] }}",
    "{{ messages[5].role }}",
    "{{ messages[5] }}{{ 'end' }}",
]

TEMPLATES = [CHATML, HEADERS, INSTRUCTIONS, THINKING, MACROS, *MODELS, *FEATURES]

CONVERSATIONS = [
    [{"role": "user", "content": "  Hi\n there "}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\nBecause. "},
        {"role": "user", "content": "你好 🙂 <b>"},
    ],
    [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    [
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": " Two. "},
        {"role": "user", "content": "Three?"},
        {"role": "assistant", "content": "<think>\n\n</think>\n\nFour"},
    ],
]
