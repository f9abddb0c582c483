"""What the blobs refuse, and what the person can do about it."""

from verbund.base.refusal import Refusal


class DiskFull(Refusal):
    """de: Auf dem Server ist kein Platz mehr für diese Datei. Es ist nichts verloren; wenn Platz geschaffen ist,
    geht das Hochladen dort weiter, wo es stehen geblieben ist. Bitte sagen Sie der Verwaltung Bescheid.
    en: The server has no room left for this file. Nothing is lost; once there is room the upload goes on where it
    stopped. Please tell your administrator."""

    code = "blobs.disk_full"
    status = 507


class FileTooLarge(Refusal):
    """de: Diese Datei ist zu groß. Erlaubt sind {gib_max} GiB. Teilen Sie die Datei oder verkleinern Sie sie.
    en: This file is too large. {gib_max} GiB are allowed. Split the file or make it smaller."""

    code = "blobs.too_large"
    status = 413


class SpaceFull(Refusal):
    """de: Der Speicher dieses Bereichs ist voll. Löschen Sie dort Dateien, die niemand mehr braucht, oder bitten Sie
    die Verwaltung um mehr Platz.
    en: The storage of this space is full. Delete files there that nobody needs any more, or ask your administrator
    for more room."""

    code = "blobs.space_full"
    status = 413


class TooManyUploads(Refusal):
    """de: Es sind schon {uploads_max} Dateien halb hochgeladen. Bringen Sie zuerst eine davon zu Ende.
    en: {uploads_max} files are already half uploaded. Finish one of them first."""

    code = "blobs.too_many_uploads"
    status = 429


class NotStarted(Refusal):
    """de: Das Hochladen dieser Datei hat hier nicht begonnen oder ist abgelaufen. Wählen Sie die Datei noch einmal aus.
    en: The upload of this file has not begun here, or it has expired. Choose the file again."""

    code = "blobs.not_started"
    status = 409


class ChunkWrong(Refusal):
    """de: Ein Teil der Datei kam verändert an. Er wird noch einmal gesendet.
    en: A part of the file arrived altered. It will be sent again."""

    code = "blobs.chunk_wrong"
    status = 422


class ChunkTooLarge(Refusal):
    """de: Ein Teil der Datei ist größer als 4 MiB. Laden Sie die Seite neu und versuchen Sie es noch einmal.
    en: A part of the file is larger than 4 MiB. Reload the page and try again."""

    code = "blobs.chunk_too_large"
    status = 413


class ChunkTooSlow(Refusal):
    """de: Die Verbindung ist zu langsam für diesen Teil der Datei. Er wird noch einmal gesendet.
    en: The connection is too slow for this part of the file. It will be sent again."""

    code = "blobs.chunk_too_slow"
    status = 408


class ChunksMissing(Refusal):
    """de: Es fehlen noch {missing} Teile der Datei. Sie werden noch einmal gesendet.
    en: {missing} parts of the file are still missing. They will be sent again."""

    code = "blobs.chunks_missing"
    status = 409


class HashWrong(Refusal):
    """de: Die hochgeladene Datei ist nicht die, die angekündigt war; vielleicht wurde sie inzwischen verändert.
    Wählen Sie die Datei noch einmal aus.
    en: The uploaded file is not the one that was announced; perhaps it was changed meanwhile. Choose the file again."""

    code = "blobs.hash_wrong"
    status = 422


class NotHeld(Refusal):
    """de: Diese Datei liegt in diesem Bereich nicht. Laden Sie sie hier hoch, dann können Sie sie verwenden.
    en: This file is not in this space. Upload it here, then you can use it."""

    code = "blobs.not_held"
    status = 409


class ReadOnlySpace(Refusal):
    """de: In diesem Bereich können Sie keine Dateien ablegen.
    en: You cannot put files into this space."""

    code = "blobs.read_only"
    status = 403


class RangeWrong(Refusal):
    """de: So lang ist diese Datei nicht. Laden Sie sie noch einmal von vorn.
    en: This file is not that long. Load it again from the beginning."""

    code = "blobs.range_unsatisfiable"
    status = 416

    @property
    def headers(self) -> dict[str, str]:
        """What the answer must say beside the sentence (RFC 9110, section 15.5.17)."""
        return {"content-range": f"bytes */{self.fields['size']}"}


class NotAPicture(Refusal):
    """de: Von dieser Datei gibt es keine Vorschau. Sie können sie herunterladen.
    en: There is no preview of this file. You can download it."""

    code = "blobs.no_preview"
    status = 415


class PictureTooLarge(Refusal):
    """de: Dieses Bild ist zu groß für eine Vorschau (mehr als 64 MiB oder 80 Megapixel). Sie können es als Datei
    herunterladen.
    en: This picture is too large for a preview (more than 64 MiB or 80 megapixels). You can download it as a file."""

    code = "blobs.picture_too_large"
    status = 413


class PictureBroken(Refusal):
    """de: Dieses Bild ist beschädigt oder unvollständig, daher gibt es keine Vorschau. Sie können die Datei
    herunterladen.
    en: This picture is damaged or incomplete, so there is no preview. You can download the file."""

    code = "blobs.picture_broken"
    status = 422
