"""Ask the hub, with huggingface_hub: search, descriptions, small files.

huggingface_hub is imported when it is first needed, since that takes a quarter of a second.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from studio.formats.untrusted_files import printable
from studio.models.hub.description import HubFile, HubModel
from studio.models.hub.endpoint import MIRROR, OFFICIAL
from studio.protocol import ProblemError, problem

Answer = TypeVar("Answer")

_SECONDS = 20.0
_MAX_SMALL_FILE = 1_000_000
_EXPAND = ["downloads", "likes", "gated", "pipeline_tag", "library_name", "tags", "lastModified"]


class HubClient:
    """The hub at an endpoint. `token` is sent to it only; "" to be nobody."""

    def __init__(self, endpoint: str, token: str = "") -> None:
        self.endpoint = endpoint
        self._token = token

    def search(
        self, words: str, *, tags: Sequence[str] = (), limit: int = 20
    ) -> tuple[HubModel, ...]:
        """Return the most downloaded models whose names match, without their files.

        `tags` are pipeline tags of which a model has one; empty for all. Raises `ProblemError`.
        """
        found: dict[str, HubModel] = {}
        for tag in tags or ("",):
            parameters: dict[str, Any] = {"search": words, "sort": "downloads", "limit": limit}
            parameters |= {"expand": _EXPAND} | ({"pipeline_tag": tag} if tag else {})
            for item in self._ask(partial(self._list, parameters), words):
                found.setdefault(item.repository, item)
        ranked = sorted(found.values(), key=lambda model: -model.downloads)
        return tuple(ranked[:limit])

    def model_info(self, repository: str, revision: str = "") -> HubModel:
        """Return what the hub says of a repository. Raises `ProblemError`."""

        def ask() -> HubModel:
            hub = _huggingface()
            info = hub.HfApi(endpoint=self.endpoint, token=self._token or False).model_info(
                repository,
                revision=revision or None,
                timeout=_SECONDS,
                files_metadata=True,
                securityStatus=True,
            )
            return _described(self.endpoint, info)

        return self._ask(ask, repository)

    def read_small(self, model: HubModel, name: str) -> bytes:
        """Return the content of a small file of a repository. Raises `ProblemError`."""

        def ask() -> bytes:
            session, headers = self._session()
            url = model.url_of(name)
            with session.stream("GET", url, headers=headers, timeout=_SECONDS) as response:
                _huggingface().utils.hf_raise_for_status(response)
                content = b""
                for block in response.iter_bytes():
                    content += block
                    if len(content) > _MAX_SMALL_FILE:
                        raise ValueError(f"{name} is too large")
            return content

        return self._ask(ask, model.repository)

    def _list(self, parameters: dict[str, Any]) -> list[HubModel]:
        # HfApi.list_models retries for half a minute if there is no network, and has no timeout.
        hub = _huggingface()
        session, headers = self._session()
        url = f"{self.endpoint}/api/models"
        response = session.get(url, params=parameters, headers=headers, timeout=_SECONDS)
        hub.utils.hf_raise_for_status(response)
        return [_described(self.endpoint, hub.ModelInfo(**item)) for item in response.json()]

    def _session(self) -> tuple[Any, dict[str, str]]:
        hub = _huggingface()
        return hub.get_session(), hub.utils.build_hf_headers(token=self._token or False)

    def _ask(self, ask: Callable[[], Answer], name: str) -> Answer:
        import httpx2

        hub = _huggingface()
        try:
            return ask()
        except ProblemError:
            raise
        except (hub.errors.HfHubHTTPError, hub.errors.OfflineModeIsEnabled) as error:
            raise self._refusal(error, name) from None
        except (httpx2.TransportError, OSError) as error:
            raise self._unreachable(printable(f"{type(error).__name__}: {error}")) from None
        except hub.errors.HFValidationError as error:
            raise _no_repository(name, printable(str(error))) from None
        except Exception as error:
            # The library reads the answer's fields without checking them.
            raise problem(
                "bad_input",
                "The answer of {host} is not that of a model hub. Check the address of the hub in "
                "the settings.",
                printable(f"{type(error).__name__}: {error}"),
                host=urlsplit(self.endpoint).hostname or self.endpoint,
            ) from None

    def _unreachable(self, detail: str) -> ProblemError:
        if self.endpoint == OFFICIAL:
            return problem(
                "model_missing",
                "huggingface.co cannot be reached. Check the network and the proxy. Where the site "
                "is blocked, as in mainland China, use a mirror such as {mirror}: choose it in the "
                "settings, or set HF_ENDPOINT.",
                detail,
                mirror=MIRROR,
            )
        return problem(
            "model_missing",
            "{host} cannot be reached. Check the network, the proxy and the address, then try "
            "again.",
            detail,
            host=urlsplit(self.endpoint).hostname or self.endpoint,
        )

    def _refusal(self, error: Exception, name: str) -> ProblemError:
        hub = _huggingface()
        detail = printable(str(error).strip())
        page = f"{self.endpoint}/{name}"
        if isinstance(error, hub.errors.OfflineModeIsEnabled):
            return problem(
                "model_missing",
                "The model hub is switched off: the environment variable HF_HUB_OFFLINE is set.",
            )
        if isinstance(error, hub.errors.GatedRepoError):
            return problem(
                "bad_input",
                "This model can be downloaded only after you accept its terms. Accept them at "
                "{page}, then save an access token of your account (in the settings, or: studio "
                "models token set) and try again.",
                detail,
                page=page,
            )
        if isinstance(error, hub.errors.RepositoryNotFoundError):
            return _no_repository(name, detail)
        if isinstance(error, hub.errors.RevisionNotFoundError):
            return problem(
                "bad_input",
                "{repository} has no revision of this name. Leave it out to get the current one.",
                detail,
                repository=name,
            )
        response = getattr(error, "response", None)
        status = response.status_code if response is not None else 0
        if status in (401, 403):
            return problem(
                "bad_input",
                "{host} does not accept the access token ({code}): it may have expired. Save a new"
                " one, or delete it (in the settings, or: studio models token clear).",
                detail,
                host=urlsplit(self.endpoint).hostname or self.endpoint,
                code=status,
            )
        if status == 429:
            return problem(
                "model_missing",
                "{host} has had too many requests from your network. Try again in a few minutes; "
                "with an access token more are allowed.",
                detail,
                host=urlsplit(self.endpoint).hostname or self.endpoint,
            )
        return problem(
            "model_missing",
            "{host} has a problem at the moment ({code}). Try again later.",
            detail,
            host=urlsplit(self.endpoint).hostname or self.endpoint,
            code=status,
        )


def _no_repository(name: str, detail: str) -> ProblemError:
    return problem(
        "bad_input",
        "There is no model {repository} in the hub, or it is private. Check the name; for a "
        "private one, save an access token first.",
        detail,
        repository=name,
    )


def _huggingface() -> Any:
    # Read when the package is imported: it asks for a list of programs otherwise.
    for name in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_DISABLE_XET"):
        os.environ.setdefault(name, "1")
    import huggingface_hub
    import huggingface_hub.errors
    import huggingface_hub.utils

    huggingface_hub.utils.logging.set_verbosity(logging.ERROR)
    return huggingface_hub


def _described(endpoint: str, info: Any) -> HubModel:
    card = info.card_data.to_dict() if hasattr(info.card_data, "to_dict") else {}
    tags = _texts(info.tags)
    licences = [tag.partition(":")[2] for tag in tags if tag.startswith("license:")]
    licence = str(card.get("license") or "") or next(iter(licences), "")
    if licence == "other":
        licence = str(card.get("license_name") or licence)
    status = info.security_repo_status if isinstance(info.security_repo_status, dict) else {}
    issues = [x for x in status.get("filesWithIssues") or [] if isinstance(x, dict)]
    return HubModel(
        endpoint=endpoint,
        repository=printable(str(info.id)),
        revision=printable(str(info.sha or "")),
        files=tuple(
            HubFile(
                printable(str(file.rfilename), 1000),
                file.size if isinstance(file.size, int) and file.size >= 0 else None,
                str(file.lfs.sha256).lower() if file.lfs else "",
            )
            for file in info.siblings or ()
        ),
        licence=printable(licence, 100),
        is_gated=bool(info.gated),
        is_private=bool(info.private),
        pipeline_tag=printable(str(info.pipeline_tag or "")),
        library=printable(str(info.library_name or "")),
        languages=_texts(card.get("language")),
        base_models=_texts(card.get("base_model")),
        tags=tags,
        unsafe=tuple(printable(str(issue.get("path", "")), 1000) for issue in issues),
        downloads=int(info.downloads or 0),
        likes=int(info.likes or 0),
        updated=info.last_modified.date().isoformat() if info.last_modified else "",
    )


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (printable(value),)
    return tuple(printable(str(x)) for x in value) if isinstance(value, list | tuple) else ()
