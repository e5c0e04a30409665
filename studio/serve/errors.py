"""Errors of the server, in the format that clients of OpenAI's interface read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

from studio.protocol import ErrorKind, Problem, Sentence

_STATUS: Mapping[ErrorKind, int] = {
    "bad_input": 400,
    "model_missing": 404,
    "model_broken": 400,
    "out_of_memory": 507,
    "disk_full": 507,
    "cancelled": 503,
}


class ApiError(Exception):
    """An error with its status, the field that it is about, and a code that programs read."""

    def __init__(
        self,
        status: int,
        message: Sentence,
        *,
        param: str | None = None,
        code: str | None = None,
        is_worth_retrying: bool = False,
    ) -> None:
        super().__init__(str(message))
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.is_worth_retrying = is_worth_retrying

    @property
    def content(self) -> dict[str, Any]:
        """What a client reads."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {
            "error": {
                "message": str(self.message),
                "type": kind,
                "param": self.param,
                "code": self.code,
            }
        }

    def response(self) -> JSONResponse:
        """Return the response. Clients repeat failed requests by themselves unless told not to."""
        headers = {"x-should-retry": "true" if self.is_worth_retrying else "false"}
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        return JSONResponse(self.content, self.status, headers)


def api_error(problem: Problem, param: str | None = None) -> ApiError:
    """Return the error for a problem."""
    code = "model_not_found" if problem.kind == "model_missing" else problem.kind
    return ApiError(_STATUS.get(problem.kind, 500), problem.message, param=param, code=code)
