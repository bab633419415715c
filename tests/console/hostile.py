"""What an agent, an upstream or a careless colleague may write where a person will read it."""

MARKUP = '"><script>document.title="taken"</script><img src=x onerror=alert(1)>'
TEMPLATE = "{{ 7 * 7 }}{% for x in range(9) %}{{ x }}{% endfor %}${7*7}"
ATTRIBUTES = "' onmouseover='alert(1)' style='position:fixed' hx-get='http://elsewhere.example/' x='"
BIDI = "invoice\u202efdp.exe\u202c \u2066support-bot\u2069 \u200bada\u200b"
CONTROLS = "one\x1b[31mtwo\x00three\x07\x7f\x85"
LINES = "first\n" * 200
LONG = "x" * 10_000
MARKS = "Z" + "\u0301" * 400
WIDE = "\ufdfd" * 300
ALL = {
    "markup": MARKUP,
    "template": TEMPLATE,
    "attributes": ATTRIBUTES,
    "bidi": BIDI,
    "controls": CONTROLS,
    "lines": LINES,
    "long": LONG,
    "marks": MARKS,
    "wide": WIDE,
}
