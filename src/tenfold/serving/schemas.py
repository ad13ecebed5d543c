"""Schemas of requests and responses for OpenAPI, with examples."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tenfold.arrays import SIDE
from tenfold.serving.tensors import INPUT, OUTPUT, PIXELS


class Digit(BaseModel):
    """One digit."""

    digit: int = Field(description="the best guess, even if rejected", ge=0, le=9)
    confidence: float = Field(ge=0, le=1)
    box: list[int] = Field(
        description="x, y, width, height in pixels of the upright picture",
        min_length=4,
        max_length=4,
    )
    rejected: bool = Field(description="the score is below the threshold")


class Sign(BaseModel):
    """A sign between digits or beside them."""

    character: str = Field(description="one of . , - / : ( ) + $ = x")
    confidence: float = Field(ge=0, le=1)
    box: list[int] = Field(description="as a digit's", min_length=4, max_length=4)


class Line(BaseModel):
    """One line of digits, left to right, and the signs between and beside them."""

    text: str = Field(description="the digits as text; ? is a rejected digit")
    digits: list[Digit]
    signs: list[Sign]


class Picture(BaseModel):
    """The digits in a picture, or on a page of a PDF or TIFF."""

    path: str = Field(description="the name of the uploaded file, or empty")
    page: int = Field(ge=1)
    width: int
    height: int
    orientation: int = Field(description="rotation applied to the stored pixels, degrees clockwise")
    error: None = None
    lines: list[Line]


class Document(BaseModel):
    """The document that `tenfold read --json` prints."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "pictures": [
                    {
                        "path": "photo.jpg", "page": 1, "width": 768, "height": 560,
                        "orientation": 0, "error": None,
                        "lines": [
                            {
                                "text": "7",
                                "digits": [
                                    {
                                        "digit": 7, "confidence": 0.998,
                                        "box": [96, 105, 143, 203], "rejected": False,
                                    }
                                ],
                                "signs": [],
                            }
                        ],
                    }
                ]
            }
        }
    )  # fmt: skip

    pictures: list[Picture]


class Error(BaseModel):
    """The reason of a failure."""

    error: str = Field(examples=["the picture is empty"])


class Live(BaseModel):
    """The process answers."""

    live: Literal[True]


class Ready(BaseModel):
    """The server accepts requests."""

    ready: Literal[True]


class ModelReady(BaseModel):
    """The model accepts requests."""

    name: str = Field(examples=["reader"])
    ready: Literal[True]


class ServerMetadata(BaseModel):
    """Name and version of the server."""

    name: str = Field(examples=["tenfold"])
    version: str
    extensions: list[str]


class TensorMetadata(BaseModel):
    """Name, type and shape of a tensor; -1 stands for any size."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """Inputs and outputs of the model."""

    name: str = Field(examples=["reader"])
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class OutputTensor(BaseModel):
    """Probabilities; `data` is absent if they follow as bytes."""

    name: Literal["probabilities"]
    datatype: Literal["FP32"]
    shape: list[int]
    data: list[float] | None = None
    parameters: dict[str, int] | None = None


class InferenceDocument(BaseModel):
    """The probability of each digit for each image, image after image."""

    model_name: str = Field(examples=["reader"])
    model_version: str = Field(examples=["1"])
    id: str | None = None
    outputs: list[OutputTensor]


_BYTES = {"type": "string", "format": "binary"}

INFER_RESPONSE: dict[str, Any] = {
    "model": InferenceDocument,
    "content": {"application/octet-stream": {"schema": _BYTES}},
}
"""OpenAPI description of a response of `infer`."""

PICTURE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"file": _BYTES}, "required": ["file"]}
            },
            **{
                kind: {"schema": _BYTES}
                for kind in ("image/png", "image/jpeg", "image/webp", "application/octet-stream")
            },
        },
    }
}
"""OpenAPI description of a request with a picture."""

_TENSOR = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {
        "name": {"const": INPUT},
        "datatype": {"enum": ["UINT8", "FP32"]},
        "shape": {
            "type": "array",
            "prefixItems": [{"type": "integer", "minimum": 1}, {"const": SIDE}, {"const": SIDE}],
            "minItems": 3,
            "maxItems": 3,
        },
        "data": {
            "type": "array",
            "description": "0 (black) to 255 (white), flat or nested; their number must fit shape",
            "items": {},
        },
        "parameters": {"type": "object", "properties": {"binary_data_size": {"type": "integer"}}},
    },
}

INFER_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["inputs"],
                    "properties": {
                        "id": {"type": "string"},
                        "parameters": {
                            "type": "object",
                            "properties": {"binary_data_output": {"type": "boolean"}},
                        },
                        "inputs": {
                            "type": "array", "items": _TENSOR, "minItems": 1, "maxItems": 1,
                        },
                        "outputs": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "name": {"const": OUTPUT},
                                    "parameters": {"type": "object"},
                                },
                            },
                        },
                    },
                },
                "example": {
                    "id": "a blank",
                    "inputs": [
                        {
                            "name": INPUT, "datatype": "UINT8", "shape": [1, 28, 28],
                            "data": [0] * PIXELS,
                        }
                    ],
                },
            },
            "application/octet-stream": {"schema": _BYTES},
        },
    },
    "parameters": [
        {
            "name": "Inference-Header-Content-Length",
            "in": "header",
            "required": False,
            "description": "bytes of JSON before the tensors; 0 for a body of pixels only",
            "schema": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
        }
    ],
}  # fmt: skip
"""OpenAPI description of a request to `infer`."""
