"""Answers on the wire: JSON, XML where the client asks for it, and JSON in a function call for old pages."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any
from xml.sax.saxutils import escape

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from api.octeth.parameters import Parameters

XML_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_CALLBACK = re.compile(r"[A-Za-z_$][\w$.]{0,63}\Z", re.ASCII)
_XML_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z", re.ASCII)
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]", re.ASCII)
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def answered(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a command says when it was done."""
    return {"Success": True, "ErrorCode": 0, **body}


def response(
    request: HttpRequest, parameters: Parameters, body: Mapping[str, Any], *, status: int = 200
) -> HttpResponseBase:
    """In the format that was asked for. A value at the top that is an iterator is streamed as a list."""
    if parameters.text("ResponseFormat") == "XML":
        return HttpResponse(as_xml(body), content_type="text/xml; charset=utf-8", status=status)
    callback = parameters.text("JSONPCallBack")
    if request.method == "GET" and _CALLBACK.match(callback):
        text = f"{callback}({''.join(as_json(body))});"
        return _unsniffed(HttpResponse(text, content_type="text/javascript; charset=utf-8", status=status))
    return _json(body, status)


def _json(body: Mapping[str, Any], status: int) -> HttpResponseBase:
    """Always JSON, as an error before the format is known has to be."""
    kind = "application/json; charset=utf-8"
    if any(isinstance(value, Iterator) for value in body.values()):
        return _unsniffed(StreamingHttpResponse(as_json(body), content_type=kind, status=status))
    return _unsniffed(HttpResponse("".join(as_json(body)), content_type=kind, status=status))


def _unsniffed(answer: HttpResponseBase) -> HttpResponseBase:
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    return answer


def as_json(body: Mapping[str, Any]) -> Iterator[str]:
    yield "{"
    for position, (name, value) in enumerate(body.items()):
        yield f"{',' if position else ''}{json.dumps(name)}:"
        if isinstance(value, Iterator):
            yield from _json_list(value)
        else:
            yield _dumped(value)
    yield "}"


def _json_list(items: Iterator[Any]) -> Iterator[str]:
    yield "["
    for position, item in enumerate(items):
        yield f"{',' if position else ''}{_dumped(item)}"
    yield "]"


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


# --- XML ---------------------------------------------------------------------------------------------------------


def as_xml(body: Mapping[str, Any]) -> str:
    """Each key an element, each scalar as CDATA, the items of a list as `node_0`, `node_1`…"""
    return XML_HEAD + f"<response>{''.join(_elements(body))}</response>"


def _elements(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield _element(_name(str(name)), inner)
    elif isinstance(value, list | tuple | Iterator):
        for position, inner in enumerate(value):
            yield _element(f"node_{position}", inner)
    else:
        yield _cdata(value)


def _element(name: str, value: Any) -> str:
    return f"<{name}>{''.join(_elements(value))}</{name}>"


def _name(key: str) -> str:
    """What is no XML name, such as a date, stands behind `node_`."""
    return key if _XML_NAME.match(key) else escape("node_" + _NOT_IN_A_NAME.sub("_", key))


def _cdata(value: Any) -> str:
    text = {True: "true", False: "false", None: ""}.get(value) if isinstance(value, bool | None) else None
    written = text if text is not None else _plain(value)
    return "<![CDATA[" + _NOT_IN_XML.sub("�", written).replace("]]>", "]]]]><![CDATA[>") + "]]>"
