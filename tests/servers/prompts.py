"""Prompts that use everything our contract offers, to send to servers and to check against official types."""

from __future__ import annotations

from agents.providers.protocol import ChatMessage, Prompt, Sampling

TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Look something up.",
        "parameters": {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
    },
}
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
PIXEL = "data:image/png;base64,iVBORw0KGgo="

PLAIN = Prompt("plain", prompt="Why is the sky blue?", tenant="demo")
SAMPLED = Prompt(
    "sampled",
    messages=[
        ChatMessage("system", "Be brief."),
        ChatMessage("developer", "Use metres."),
        ChatMessage("user", "Why?"),
    ],
    sampling=Sampling(0.5, 0.9, 64, 7, ["\n"], 0.1, -0.1),
)
CONVERSATION = Prompt(
    "conversation",
    messages=[
        ChatMessage(
            "user",
            [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
            ],
        ),
        ChatMessage(
            "assistant",
            "Let me see.",
            tool_calls=[
                {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"q": "cat"}'}},
                {"id": "c2", "type": "function", "function": {"name": "look_up", "arguments": "{}"}},
            ],
        ),
        ChatMessage("tool", "A cat.", tool_call_id="c1"),
        ChatMessage("tool", [{"type": "text", "text": "Nothing."}], tool_call_id="c2"),
        ChatMessage("user", "So?"),
    ],
)
WITH_TOOLS = Prompt("tools", prompt="Look up x.", tools=[TOOL])
JSON_OBJECT = Prompt("object", prompt="Answer as JSON.", response_format={"type": "json_object"})
JSON_SCHEMA = Prompt(
    "schema",
    prompt="Answer.",
    response_format={"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}},
)
EVERY_PROMPT = (PLAIN, SAMPLED, CONVERSATION, WITH_TOOLS, JSON_OBJECT, JSON_SCHEMA)
