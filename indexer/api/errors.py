"""One shape for everything that goes wrong: `{"error": {"code": "not_found", "message": "There is no task 7."}}`."""

import logging
from collections.abc import Sequence
from typing import Any, ClassVar

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

logger = logging.getLogger(__name__)


class Problem(BaseModel):
    """What is wrong."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    # For programs: not_found, invalid_parameter, method_not_allowed, not_ready or internal.
    code: str
    # For people: one sentence.
    message: str


class ErrorAnswer(BaseModel):
    """The body of every answer that is not 200."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    error: Problem


class ApiError(Exception):
    """A request that cannot be answered."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code, self.message = status, code, message
        super().__init__(message)

    def response(self) -> Response:
        """It as an answer."""
        return answer(self.status, self.code, self.message)


def not_found(message: str) -> ApiError:
    """There is no such thing."""
    return ApiError(404, "not_found", message)


def invalid(message: str) -> ApiError:
    """A parameter that cannot be understood."""
    return ApiError(422, "invalid_parameter", message)


def invalid_parameters(problems: Sequence[Any]) -> ApiError:
    """The first of some problems that pydantic found, as a sentence that names the parameter."""
    problem = problems[0]
    name = problem["loc"][-1]
    reason = problem["msg"].removeprefix("Value error, ")
    return invalid(f"{name} cannot be {str(problem.get('input'))[:100]!r}: {reason[:1].lower()}{reason[1:]}.")


def answer(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """The error as an answer."""
    body = orjson.dumps({"error": {"code": code, "message": message}})
    return Response(body, status, {"cache-control": "no-store", **(headers or {})}, "application/json")


def failed(path: str, error: Exception) -> Response:
    """What nobody foresaw."""
    logger.error("Failed to answer %s", path, exc_info=error)
    return answer(500, "internal", "The indexer failed to answer; its log says why.")


_CODES = {404: "not_found", 405: "method_not_allowed"}


def install(app: FastAPI) -> None:
    """Let the app answer every error in the one shape."""

    @app.exception_handler(ApiError)
    async def known(request: Request, error: ApiError) -> Response:
        return error.response()

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        code = _CODES.get(error.status_code, "invalid_request")
        message = f"There is no {request.url.path}: see /docs." if code == "not_found" else f"{error.detail}."
        return answer(error.status_code, code, message, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def parameter(request: Request, error: RequestValidationError) -> Response:
        broken = invalid_parameters(error.errors())
        return answer(broken.status, broken.code, broken.message)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> Response:
        return failed(request.url.path, error)


ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorAnswer, "description": "There is no such thing"},
    422: {"model": ErrorAnswer, "description": "A parameter cannot be understood"},
    503: {"model": ErrorAnswer, "description": "Nothing is indexed yet"},
}
