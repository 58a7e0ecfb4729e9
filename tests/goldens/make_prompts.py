"""Writes prompts.json: ids of texts whose special tokens are spelled, from tokenizers, and texts of templates, from Jinja.

Versions: tokenizers 0.22.2, jinja2 as transformers 5.2.0 sets it up (trim_blocks, lstrip_blocks, loop controls, tojson).
"""

import json
from pathlib import Path

import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

HERE = Path(__file__).parent
TEXTS = [
    "<|end|>",
    "a<|end|>b",
    " <|endoftext|> x",
    "<|end",
    "|end|>",
    "<|end|><|endoftext|>",
    "hi <|end|>\n you",
    "\u00e9<|end|>\ufeff",
]
TEMPLATES = [
    "{{ True }} {{ None }} {{ false }} {{ x is defined }}",
    "{{ 'a' ~ true ~ none ~ 1 }}",
    "{{ -7 % 3 }} {{ 7 % -3 }} {{ -7 // 2 }} {{ 6 % 3 }}",
    "{{ 'xxaxx'.rstrip('x') }}|{{ 'xyaxy'.lstrip('xy') }}|{{ 'xxaxx'.strip('x') }}|{{ ' a '.strip() }}",
    "{% for i in range(2, 9, 3) %}{% if i == 5 %}{% break %}{% endif %}{{ i }},{% endfor %}",
    "{% for m in messages %}{{ m.role if loop.first else '' }}{{ m['content'] | trim }}{{ loop.index }}{% endfor %}",
    "{% macro turn(m) %}<{{ m.role }}>{{ m.content }}{% endmacro %}{{ turn(messages[0]) }}{{ 1 if false }}",
    "{%- if messages %}\r\n  {{ messages | tojson }}\r\n{%- endif %}",
    "{{ 7 / 2 }} {{ 2 ** 10 }} {{ 1.0 }} {{ 4 / 2 }} {{ 'ab'[::-1] }}",
]
MESSAGES = [{"role": "user", "content": " hi "}, {"role": "assistant", "content": "yes"}]


def spelled():
    tokenizer = Tokenizer.from_file(str(HERE / "families" / "tokenizer.json"))
    for text in TEXTS:
        ids = {}
        for name, spell in (("recognized", False), ("spelled", True)):
            tokenizer.encode_special_tokens = spell
            ids[name] = tokenizer.encode(text, add_special_tokens=False).ids
        yield {"text": text, **ids}


def rendered():
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    for template in TEMPLATES:
        yield {"template": template, "text": environment.from_string(template).render(messages=MESSAGES)}


golden = {"spelled": list(spelled()), "messages": MESSAGES, "templates": list(rendered())}
(HERE / "prompts.json").write_text(json.dumps(golden, indent=1) + "\n")
