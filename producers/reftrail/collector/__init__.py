"""Collector: HTTP in, the topic `events` out; Kafka has what was answered with 2xx.

Input: `POST /v1/events` and `GET /r/{code}`; the topic `codes`, to look codes up. Output: the topic
`events`. Guarantee: an event is counted as accepted only after Kafka acknowledged it with acks=all;
addresses, device ids and e-mails leave as keyed hashes only.
"""
