"""A plain FastAPI endpoint for `collector_http`, that validates as the collector does.

Every event is read by the collector's own types, and sent by aiokafka, idempotent and acknowledged
by all replicas. There are no keys with scopes, limits, pseudonyms, codes, metrics or Avro.
"""

import asyncio
import os
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import uvicorn
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, HTTPException, Request
from pydantic import ValidationError

from reftrail.collector.submission import validate_all


@asynccontextmanager
async def _connected(app: FastAPI) -> Any:
    async with AIOKafkaProducer(
        bootstrap_servers=os.environ["REFTRAIL_BOOTSTRAP_SERVERS"], enable_idempotence=True
    ) as producer:
        app.state.producer = producer
        yield


app = FastAPI(lifespan=_connected)


@app.get("/readyz")
async def readyz() -> dict[str, bool]:
    """Whether it serves."""
    return {"ready": True}


@app.post("/v1/events", status_code=202)
async def events(request: Request) -> dict[str, int]:
    """Take events, and answer once Kafka has them."""
    if request.headers.get("authorization") != f"Bearer {os.environ['REFTRAIL_SECRET_KEYS']}":
        raise HTTPException(401)
    body: dict[str, Any] = await request.json()
    try:
        read = validate_all(body.get("events", [body]))
    except ValidationError as error:
        raise HTTPException(422, error.errors(include_url=False)) from error
    topic = f"{os.environ['REFTRAIL_TOPIC_PREFIX']}events"
    sent = [
        await request.app.state.producer.send(
            topic,
            msgspec.json.encode(event.model_dump()),
            key=(event.visitor_id or event.user_id or "").encode(),
        )
        for event in read
    ]
    await asyncio.gather(*sent)
    return {"accepted": len(sent)}


if __name__ == "__main__":
    port = int(os.environ["REFTRAIL_COLLECTOR_PORT"])
    uvicorn.run(app, port=port, log_level="warning", access_log=False)
