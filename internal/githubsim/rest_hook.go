package githubsim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
)

func (s *Simulator) renderHookConfig() object {
	config := object{"content_type": "json", "insecure_ssl": "0", "url": s.hooks.hook.URL}
	if s.hooks.hook.Secret != "" {
		config["secret"] = "********"
	}
	return config
}

func (s *Simulator) getHookConfig(*call) answer {
	return answer{status: http.StatusOK, body: s.renderHookConfig()}
}

// updateHookConfig changes where webhooks go. A new address is pinged.
func (s *Simulator) updateHookConfig(c *call) answer {
	var request struct {
		URL    *string `json:"url"`
		Secret *string `json:"secret"`
	}
	if json.Unmarshal(c.body, &request) != nil {
		return (&apiError{status: http.StatusBadRequest, message: "Problems parsing JSON"}).answer()
	}
	if request.Secret != nil {
		s.hooks.hook.Secret = *request.Secret
	}
	if request.URL != nil && *request.URL != s.hooks.hook.URL {
		s.hooks.hook.URL = *request.URL
		s.hooks.ping(c.render, c.now)
	}
	return answer{status: http.StatusOK, body: s.renderHookConfig()}
}

func renderDelivery(d *delivery) object {
	rendered := object{
		"id": d.id, "guid": d.guid, "delivered_at": stamp(d.attempted), "redelivery": d.redelivery, "duration": d.response.Duration.Seconds(),
		"status": d.response.Status, "status_code": d.response.StatusCode, "event": d.event, "action": orNull(d.action),
		"installation_id": nil, "repository_id": nil, "throttled_at": nil,
	}
	if d.installation != nil {
		rendered["installation_id"] = d.installation.ID
	}
	if d.repository != nil {
		rendered["repository_id"] = d.repository.ID
	}
	return rendered
}

func (d *delivery) succeeded() bool {
	return d.response.StatusCode >= http.StatusOK && d.response.StatusCode < http.StatusBadRequest
}

// listDeliveries lists attempts, newest first. A cursor names the last delivery of the page before.
func (s *Simulator) listDeliveries(c *call) answer {
	query := c.r.URL.Query()
	status := query.Get("status")
	if status != "" && status != "success" && status != "failure" {
		return (&apiError{
			status: http.StatusUnprocessableEntity, message: "Validation Failed",
			errors: []object{{"resource": "HookDelivery", "code": "invalid", "field": "status"}},
		}).answer()
	}
	before := int64(0)
	if cursor := query.Get("cursor"); cursor != "" {
		var err error
		if before, err = strconv.ParseInt(cursor, 10, 64); err != nil {
			return (&apiError{status: http.StatusBadRequest, message: "Invalid cursor"}).answer()
		}
	}
	const standard, most = 30, 100
	size := min(queryInt(query, "per_page", standard), most)
	list := make([]object, 0, size)
	last, more, seen := int64(0), false, before == 0
	for _, d := range slices.Backward(s.hooks.done) {
		if !seen {
			seen = d.id == before
			continue
		}
		if status == "success" && !d.succeeded() || status == "failure" && d.succeeded() {
			continue
		}
		if len(list) == size {
			more = true
			break
		}
		list = append(list, renderDelivery(d))
		last = d.id
	}
	header := http.Header{}
	if more {
		query.Set("cursor", itoa(last))
		header.Set("Link", "<"+c.render.base+c.r.URL.EscapedPath()+"?"+query.Encode()+`>; rel="next"`)
	}
	return answer{status: http.StatusOK, body: list, header: header}
}

func (s *Simulator) getDelivery(c *call) answer {
	d := s.hooks.find(pathID(c, "delivery"))
	if d == nil {
		return notFound().answer()
	}
	rendered := renderDelivery(d)
	rendered["url"] = d.url
	request, response := object{}, object{}
	for name := range d.header {
		request[name] = d.header.Get(name)
	}
	for name := range d.response.Header {
		response[name] = d.response.Header.Get(name)
	}
	rendered["request"] = object{"headers": request, "payload": json.RawMessage(d.body)}
	rendered["response"] = object{"headers": response, "payload": d.response.Body}
	return answer{status: http.StatusOK, body: rendered}
}

func (s *Simulator) redeliver(c *call) answer {
	d := s.hooks.find(pathID(c, "delivery"))
	if d == nil {
		return notFound().answer()
	}
	s.hooks.pending = append(s.hooks.pending, s.hooks.again(d, c.now))
	return answer{status: http.StatusAccepted, body: object{}}
}
