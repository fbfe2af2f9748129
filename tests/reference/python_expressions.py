"""Expressions of templates that show whether values, methods, filters and tests are Python's and jinja2's."""

import re

from jinja2.filters import FILTERS

# What each expression is about is in its text; `t` is a text, `l` a list, `d` a dictionary, `u` is undefined.
VALUES = (
    "{% set t = 'Hé llo\\tWörld, it\\'s A-b_c 12' %}{% set l = [3, 1, 2, 'x', none, true, 1.5] %}"
    "{% set d = {'a': 1, 'b': [1, {'c': 'é\\'q'}]} %}"
)

METHODS = """
t.upper() | t.lower() | t.title() | t.capitalize() | t.swapcase() | t.casefold() | 'straße'.casefold()
t.split() | t.split('l') | t.split('l', 1) | t.split(maxsplit=1) | t.rsplit(None, 1) | t.rsplit('l', maxsplit=1)
' a  b '.split(' ') | ' a  b '.split() | ''.split() | ''.split('x') | 'a,b,,c'.rsplit(',', 2)
'a\\nb\\r\\nc\\x0bd\\u2028e'.splitlines() | 'a\\nb\\n'.splitlines(true) | 'a\\n\\nb'.splitlines(keepends=true)
t.partition(',') | t.rpartition('l') | t.partition('zz') | t.rpartition('zz')
t.removeprefix('Hé') | t.removesuffix('12') | t.removeprefix('x') | 'aXbX'.replace('X', '-', 1) | 'ab'.replace('', '.')
t.find('l') | t.find('l', 4) | t.find('zz') | t.rfind('l') | t.index('W') | t.count('l') | t.count('l', 4) | 'aaa'.count('')
t.startswith('Hé') | t.startswith(('x', 'Hé')) | t.startswith('l', 3) | t.endswith('12') | t.endswith(('1', '12'), 2, -1)
'ab'.center(7, '*') | 'ab'.center(6) | 'abc'.center(6) | 'ab'.ljust(5, '.') | 'ab'.rjust(5) | '-7'.zfill(5) | '+é'.zfill(4)
'  x '.strip() | 'xxaxx'.strip('x') | 'xya'.lstrip('yx') | 'a  '.rstrip() | '\\u00a0x\\x1f'.strip()
'a\\tb\\tc'.expandtabs() | 'a\\tb'.expandtabs(4) | '-'.join(['a', 'b']) | '-'.join('abc') | 'x'.join([])
'abc'.isalpha() | 'ab1'.isalnum() | '12'.isdigit() | '1²'.isdecimal() | '1²'.isdigit() | ''.isalpha() | ' \\t'.isspace()
'Ab Cd'.istitle() | 'AB'.isupper() | 'ab1'.islower() | '1'.isupper() | 'a_1'.isidentifier() | '1a'.isidentifier() | 'é'.isascii()
'{} {}'.format(1, 'a') | '{0:>5}|{0:<5}|{0:^5}'.format('ab') | '{:05.1f} {:+d} {:,}'.format(3.14159, 7, 1234567)
'{a} {b[0]}'.format(a=1, b=[2]) | '{{}}'.format() | '{!r}'.format("a'b") | '{:%}'.format(0.25) | '{:x} {:#b}'.format(255, 5)
[1, 2, 1].index(1) | [1, 2, 1].index(1, 1) | [1, 2, 1].count(1) | (1, 2).index(2) | d.get('a') | d.get('z', 9) | d.get('z')
d.items() | list | d.keys() | list | d.values() | list | d.copy() == d
"""

PRINTED = """
l | d | (1,) | (1, 'a') | [] | {} | () | none | true | false | 1.0 | 1e20 | 1e16 | 1e15 | 0.00001 | 1e-7 | 0.1 + 0.2 | -0.0
100 / 3 | 7 // 2 | -7 // 2 | 7 % 3 | -7 % 3 | 2 ** 10 | 2 ** 0.5 | 1 / 2 | 10 / 5 | 3 * 1.0 | 1_000
'a' * 3 | [1] * 2 | 'a' ~ 1 ~ none ~ true ~ 1.0 ~ [1, 'b'] | u | u ~ 'x' | [u] | 1 == 1.0 | 'a' < 'b' | [1, 2] < [1, 3]
['a\\nb', "c'd", 'e"f', 'g\\'h"i', '\\x01', 'é', '\\\\'] | 'a\\/b' | 'a\\db' | '\\x41\\u00e9' | "\\101"
range(3) | range(1, 10, 3) | list(range(3)) if list is defined else range(3) | list | range(5) | last | 3 in range(5) | range(3) | length
'%s and %d' % ('a', 3) | '%05.2f|%-5s|%5s|%x|%%' % (3.14159, 'ab', 'cd', 255) | '%s' % 'x' | '%r' % 'x' | '%(a)s' % d | '%s' % none
'%s' % [1, 2] | '%5.1e' % 12345.678 | '%g' % 0.0001 | '%g' % 1e10 | '%+d' % 5 | '%c' % 'x' | '%i' % 3.9
t[0] | t[-1] | t[1:3] | t[::-1] | l[1:3] | l[::-1] | l[-2:] | 'abc'[5:] | d['a'] | d.a | d['zz'] | l[99] | 'a' in t | 'Hé' in t | 'a' in d
"""

FILTERS_ = """
t | length | l | length | d | length | u | length | t | first | u | first | l | last | d | first | u | last
d | items | list | u | items | list | t | list | first | d | list | u | list | [1, 2] | string | l | join('-') | 'abc' | join(',')
[{'a': 1}, {'a': 2}] | join(',', attribute='a') | [{'a': 1}, {'a': 2}] | map(attribute='a') | list | ['a', 'b'] | map('upper') | list
[{'a': 1}, {}] | map(attribute='a', default=0) | list | u | join('-') | t | upper | t | lower | t | capitalize | 'a-b c(d e\\'f' | title
' x ' | trim | 'xax' | trim('x') | 'ab' | center(6) | t | wordcount | 'the quick brown fox' | wordwrap(9) | 'abcdefghij kl' | wordwrap(4)
'the quick brown fox' | truncate(9) | 'the quick brown fox' | truncate(9, true) | 'the quick brown fox' | truncate(12, false, '…', 0)
'<p>a <b>b</b>\\n &amp; c</p><!-- x -->' | striptags | 'aXbX' | replace('X', '-') | 'aXbX' | replace('X', '-', 1) | 123 | replace('2', 'x')
'a\\nb\\n\\nc' | indent | 'a\\nb' | indent(2, true) | 'a\\n\\nb' | indent(2, blank=true) | 'a\\nb\\n' | indent(width='> ') | 'a' | indent(first=true)
'a b/é?&' | urlencode | {'a b': 'c/d', 'e': 1} | urlencode | [('a', 1)] | urlencode | 1000000 | filesizeformat | 1024 | filesizeformat(true) | 1 | filesizeformat
'%s-%s' | format(1, 'a') | '%(x)s' | format(x=2) | '<a href="x">\\'&' | escape | 'x' | safe | d | attr('a') | d | pprint | 'a' | pprint
1.25 | round | 1.5 | round | 2.5 | round | 1.255 | round(2) | 1.2 | round(0, 'ceil') | 1.8 | round(method='floor') | 3 | round | 12345 | round(-2)
'12' | int | 'x' | int | 'x' | int(7) | '0x1f' | int(0, 16) | 3.9 | int | '1.5' | float | 'x' | float | 'x' | float(2.5) | -3 | abs | u | default('z') | '' | default('z', true) | none | d('q') | '' | d('z', boolean=true)
[3, 1, 2] | sort | [3, 1, 2] | sort(reverse=true) | ['b', 'A', 'c'] | sort | ['b', 'A'] | sort(case_sensitive=true) | [{'a': 2}, {'a': 1}] | sort(attribute='a')
[1, 2, 3] | sum | [{'a': 2}, {'a': 1}] | sum(attribute='a') | [[1], [2]] | sum(start=[]) | [1, 1, 2] | unique | list | ['a', 'A'] | unique | list | [1, 2, 3] | reverse | list | 'abc' | reverse | [3, 1] | min | [3, 1] | max
[1, 2, 3, 4, 5] | batch(2) | list | [1, 2, 3] | batch(2, 0) | list | [1, 2, 3, 4, 5] | slice(2) | list | [1, 2, 3] | select('odd') | list | [1, 2, 3] | reject('odd') | list | [0, 1] | select | list
[{'a': 1}, {'a': 0}] | selectattr('a') | list | [{'a': 1}, {'a': 0}] | rejectattr('a') | list | [{'a': 1}, {'a': 2}] | selectattr('a', 'equalto', 2) | list | ['x', 1] | select('string') | list | ['x', 1] | select('sequence') | list
[{'k': 'x', 'v': 1}, {'k': 'y', 'v': 2}, {'k': 'x', 'v': 3}] | groupby('k') | length | {'b': 1, 'a': 2} | dictsort | {'b': 1, 'a': 2} | dictsort(by='value') | {'b': 1, 'a': 2} | dictsort(false, 'key', true)
d | tojson | 'é<b>\\n' | tojson | d | tojson(indent=2) | d | tojson(sort_keys=true, separators=(',', ':')) | 'é' | tojson(ensure_ascii=true) | 'é😀' | tojson(true) | [] | tojson(indent=1) | [1.0, 1e20, none, true] | tojson
"""

TESTS = """
t is string | l is sequence | t is sequence | d is sequence | 1 is sequence | none is sequence | u is sequence | t is iterable | d is iterable | 1 is iterable | u is iterable
d is mapping | l is mapping | 1 is number | 1.5 is number | 'x' is number | true is boolean | 1 is boolean | 1 is integer | true is integer | 1.5 is float | 1 is float
none is none | u is defined | u is undefined | t is defined | 3 is odd | 4 is even | 9 is divisibleby(3) | 1 is eq(1) | 1 is equalto 1 | 1 is ne 2 | 1 is lt(2) | 2 is gt 1 | 1 is le(1) | 1 is ge 2 | 1 is sameas(1)
'ab' is lower | 'AB' is upper | 1 is in([1, 2]) | 'a' is in('abc') | true is true | false is false | 1 is true | 'upper' is filter | 'nope' is filter | 'odd' is test | range is callable | 1 is callable | cycler is callable | 'x' is escaped
u is none | u == none | not u | u or 'z' | (u if false) is undefined | (1 if false) | 'x' if u else 'y' | u is string | u | string is string
"""

WHOLE = [
    "{% for c in 'abc' %}{{ loop.index }}{{ loop.revindex }}{{ loop.last }}{{ loop.length }}{{ c }}{% endfor %}",
    "{% for k in {'a': 1, 'b': 2} %}{{ k }}{{ loop.revindex0 }}{% endfor %}",
    "{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }}{% endfor %}",
    "{% for x in missing %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in [1, 2, 3] if x is odd %}{{ x }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}",
    "{% macro m(a, b=2) %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1) }}{{ m(1, 3, 4, 5) }}{{ m(1, c=7) }}",
    "{% macro m(a) %}<{{ caller(a) }}>{% endmacro %}{% call(x) m(3) %}{{ x * 2 }}{% endcall %}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}",
    "{% set j = joiner(' | ') %}{% for x in [1, 2, 3] %}{{ j() }}{{ x }}{% endfor %}",
    "{% set j = joiner() %}{% for x in [1, 2] %}{{ j() }}{{ x }}{% endfor %}",
    "{% set ns = namespace(a=1) %}{% for x in [1, 2] %}{% set ns.a = ns.a + x %}{% endfor %}{{ ns.a }}",
    "{% set x = 1 %}{% for y in [1] %}{% set x = 2 %}{% endfor %}{{ x }}{% if true %}{% set x = 3 %}{% endif %}{{ x }}",
    "{% generation %}{% set x = 5 %}a{% endgeneration %}{{ x }}",
    "a\r\nb\rc{{ 'd\r\ne' }}\n",
    "{% raw %}\n{{ x }}{% endraw %}\ny",
    "{%- raw -%}\n {{ x }} {%- endraw -%}\n y",
    "  {% if true %}\n  x\n  {% endif %}\ny\n\n",
    "{{ 'a' if missing is defined else 'b' }}{# c #}\n{#- d -#}\n e",
    "{% set body %}x {{ 1 }}{% endset %}[{{ body }}]{% set up | upper %}y{% endset %}{{ up }}",
    "{% filter upper %}a{{ 'b' }}{% endfilter %}",
    "{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}",
    "{{ dict(a=1, b=2) }}{{ dict([('x', 1)]) if false else '' }}",
    "{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}{{ messages | map(attribute='role') | unique | join(',') }}",
    "{{ messages[0] }}{{ messages[0].items() | list | first }}",
    "{{ missing.x }}",
    "{{ missing['x'] }}",
    "{{ missing + 'x' }}",
    "{{ 1 + 'x' }}",
    "{{ 'x' | nofilter }}",
    "{{ [1, 2].append(3) }}",
    "{{ '%d' % 'x' }}",
    "{{ 'abc'.index('z') }}",
    "{{ none.x }}",
    "{{ 5 | length }}",
    "{{ range(10 ** 9) }}",
    "{{ 'x'.nomethod() }}",
]


def expressions():
    """Each expression of the lists as a template of its own. A piece that begins with the name of a filter belongs to
    the expression before it."""
    names = set(FILTERS) - {"d", "e"} | {"tojson", "d('q')", "d('z'"}
    for group in [METHODS, PRINTED, FILTERS_, TESTS]:
        for line in group.strip().split("\n"):
            whole = []
            for piece in line.split(" | "):
                word = re.match(r"\w*", piece)[0]
                if whole and (word in names or piece.startswith("d('")):
                    whole[-1] += " | " + piece
                else:
                    whole.append(piece)
            yield from (VALUES + "{{ " + expression + " }}" for expression in whole)


EXPRESSIONS = [*expressions(), *WHOLE]
