package llmtest

import (
	"encoding/json"

	"github.com/repaird/repaird/internal/llm"
)

func (t Turn) anthropic(id string) (object, []string) {
	stop := map[string]string{llm.StopEnd: "end_turn", llm.StopTools: "tool_use", llm.StopMaxTokens: "max_tokens", llm.StopRefusal: "refusal"}[t.Stop]
	if stop == "" {
		stop = t.Stop
	}
	usage := object{"input_tokens": t.Usage.Input - t.Usage.Cached - t.Usage.Written, "cache_creation_input_tokens": t.Usage.Written,
		"cache_read_input_tokens": t.Usage.Cached, "output_tokens": t.Usage.Output}
	var content []object
	var events []string
	start := object{"id": id, "type": "message", "role": "assistant", "model": "m", "content": []any{}, "stop_reason": nil, "stop_sequence": nil,
		"usage": object{"input_tokens": usage["input_tokens"], "cache_creation_input_tokens": usage["cache_creation_input_tokens"],
			"cache_read_input_tokens": usage["cache_read_input_tokens"], "output_tokens": 1}}
	events = append(events, event("message_start", object{"type": "message_start", "message": start}), event("ping", object{"type": "ping"}))
	add := func(block, empty object, deltas ...object) {
		n := len(content)
		content = append(content, block)
		events = append(events, event("content_block_start", object{"type": "content_block_start", "index": n, "content_block": empty}))
		for _, d := range deltas {
			events = append(events, event("content_block_delta", object{"type": "content_block_delta", "index": n, "delta": d}))
		}
		events = append(events, event("content_block_stop", object{"type": "content_block_stop", "index": n}))
	}
	if t.Thinking != "" {
		var deltas []object
		for _, p := range pieces(t.Thinking) {
			deltas = append(deltas, object{"type": "thinking_delta", "thinking": p})
		}
		add(object{"type": "thinking", "thinking": t.Thinking, "signature": marked(t.Thinking)}, object{"type": "thinking", "thinking": "", "signature": ""},
			append(deltas, object{"type": "signature_delta", "signature": marked(t.Thinking)})...)
		add(object{"type": "redacted_thinking", "data": marked(id)}, object{"type": "redacted_thinking", "data": marked(id)})
	}
	if t.Text != "" {
		var deltas []object
		for _, p := range pieces(t.Text) {
			deltas = append(deltas, object{"type": "text_delta", "text": p})
		}
		add(object{"type": "text", "text": t.Text}, object{"type": "text", "text": ""}, deltas...)
	}
	for _, c := range t.Calls {
		var deltas []object
		for _, p := range pieces(string(c.Input)) {
			deltas = append(deltas, object{"type": "input_json_delta", "partial_json": p})
		}
		input := c.Input
		if !json.Valid(input) {
			input = json.RawMessage(`{}`)
		}
		add(object{"type": "tool_use", "id": c.ID, "name": c.Name, "input": input}, object{"type": "tool_use", "id": c.ID, "name": c.Name, "input": object{}}, deltas...)
	}
	events = append(events,
		event("message_delta", object{"type": "message_delta", "delta": object{"stop_reason": stop, "stop_sequence": nil}, "usage": object{"output_tokens": t.Usage.Output}}),
		event("message_stop", object{"type": "message_stop"}))
	whole := object{"id": id, "type": "message", "role": "assistant", "model": "m", "content": content, "stop_reason": stop, "stop_sequence": nil, "usage": usage}
	return whole, events
}

func (t Turn) chat(id string) (object, []string) {
	finish := map[string]string{llm.StopEnd: "stop", llm.StopTools: "tool_calls", llm.StopMaxTokens: "length", llm.StopRefusal: "content_filter"}[t.Stop]
	usage := object{"prompt_tokens": t.Usage.Input, "completion_tokens": t.Usage.Output, "total_tokens": t.Usage.Input + t.Usage.Output,
		"prompt_tokens_details": object{"cached_tokens": t.Usage.Cached}}
	var events []string
	say := func(delta object, finish any) {
		events = append(events, event("", object{"id": id, "object": "chat.completion.chunk", "created": 1, "model": "m",
			"choices": []object{{"index": 0, "delta": delta, "finish_reason": finish}}}))
	}
	message := object{"role": "assistant", "content": t.Text}
	say(object{"role": "assistant", "content": ""}, nil)
	if t.Thinking != "" {
		message["reasoning_content"] = t.Thinking
		for _, p := range pieces(t.Thinking) {
			say(object{"reasoning_content": p}, nil)
		}
	}
	for _, p := range pieces(t.Text) {
		if p != "" {
			say(object{"content": p}, nil)
		}
	}
	var calls []object
	for i, c := range t.Calls {
		call := object{"id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": string(c.Input)}}
		first := object{"index": i, "id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": ""}}
		if t.Thinking != "" {
			signature := object{"google": object{"thought_signature": marked(c.ID)}}
			call["extra_content"], first["extra_content"] = signature, signature
		}
		calls = append(calls, call)
		say(object{"tool_calls": []object{first}}, nil)
		for _, p := range pieces(string(c.Input)) {
			say(object{"tool_calls": []object{{"index": i, "function": object{"arguments": p}}}}, nil)
		}
	}
	if calls != nil {
		message["tool_calls"] = calls
	}
	say(object{}, finish)
	events = append(events, event("", object{"id": id, "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []any{}, "usage": usage}), "data: [DONE]\n\n")
	return object{"id": id, "object": "chat.completion", "created": 1, "model": "m",
		"choices": []object{{"index": 0, "finish_reason": finish, "message": message}}, "usage": usage}, events
}

func (t Turn) responses(id string) (object, []string) {
	var output []object
	var events []string
	sequence := 0
	say := func(kind string, data object) {
		data["type"], data["sequence_number"] = kind, sequence
		sequence++
		events = append(events, event(kind, data))
	}
	say("response.created", object{"response": object{"id": id, "status": "in_progress", "output": []any{}}})
	add := func(item object) {
		n := len(output)
		output = append(output, item)
		say("response.output_item.added", object{"output_index": n, "item": object{"id": item["id"], "type": item["type"], "status": "in_progress"}})
		if item["type"] == "message" && t.Stop != llm.StopRefusal {
			for _, p := range pieces(t.Text) {
				say("response.output_text.delta", object{"output_index": n, "content_index": 0, "item_id": item["id"], "delta": p})
			}
		}
		say("response.output_item.done", object{"output_index": n, "item": item})
	}
	if t.Thinking != "" {
		add(object{"type": "reasoning", "id": "rs-" + id, "summary": []any{}, "encrypted_content": marked(t.Thinking)})
	}
	if t.Text != "" {
		part := object{"type": "output_text", "text": t.Text, "annotations": []any{}}
		if t.Stop == llm.StopRefusal {
			part = object{"type": "refusal", "refusal": t.Text}
		}
		add(object{"type": "message", "id": "msg-" + id, "role": "assistant", "status": "completed", "content": []object{part}})
	}
	for _, c := range t.Calls {
		add(object{"type": "function_call", "id": "fc-" + c.ID, "call_id": c.ID, "name": c.Name, "arguments": string(c.Input), "status": "completed"})
	}
	final := object{"id": id, "object": "response", "status": "completed", "model": "m", "output": output,
		"usage": object{"input_tokens": t.Usage.Input, "input_tokens_details": object{"cached_tokens": t.Usage.Cached},
			"output_tokens": t.Usage.Output, "total_tokens": t.Usage.Input + t.Usage.Output}}
	kind := "response.completed"
	if t.Stop == llm.StopMaxTokens {
		kind, final["status"], final["incomplete_details"] = "response.incomplete", "incomplete", object{"reason": "max_output_tokens"}
	}
	say(kind, object{"response": final})
	return final, events
}
