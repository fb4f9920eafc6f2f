"""The rows an import refused, as a file."""

from collections.abc import Iterator

from django.db.models.fields.files import FieldFile
from django.http import Http404, StreamingHttpResponse

from audience.import_steps import AnyImport


def refused_rows(row: AnyImport) -> StreamingHttpResponse:
    """As CSV, each with its number and the reason. Raises Http404."""
    if not row.error_file:
        raise Http404("No row of this import was refused, it is not over yet, or its files are deleted.")
    if not row.error_file.storage.exists(str(row.error_file.name)):
        raise Http404("The file of the refused rows is gone.")
    return StreamingHttpResponse(
        _chunks(row.error_file),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{row.public_id}-errors.csv"'},
    )


def _chunks(stored: FieldFile) -> Iterator[bytes]:
    """What stands in the file, which is closed again whoever stops reading."""
    with stored.open("rb") as file:
        yield from file.chunks()
