package ingress

import (
	"bytes"
	"strings"
)

// A delivery has about 10 KB, of which 1 KB matters; most of the rest are the repository's addresses. encoding/json looks
// at every byte twice, which is most of what a delivery costs. So what matters is picked out first, by one pass that looks
// at little more than quotes and brackets, and only that is decoded.

// picked returns the members of a payload that workflowJob has, as an object of their own. ok is false for what the pass
// cannot be sure about: the whole is to be decoded then, which also finds the fault in what is no JSON. What is left out
// has balanced brackets and closed strings, and is not checked further: its signature says that GitHub made it.
func picked(payload []byte) (small []byte, ok bool) {
	p := picker{in: payload, out: make([]byte, 0, pickedBytes)}
	if !p.object(func(key string) want {
		switch {
		case is(key, "action"), is(key, "workflow_job"), is(key, "installation"):
			return wantAll
		case is(key, "repository"):
			return wantRepository
		default:
			return wantNothing
		}
	}) {
		return nil, false
	}
	p.space()
	return p.out, p.at == len(p.in)
}

// pickedBytes is more than what matters of a usual delivery.
const pickedBytes = 3 << 10

// is compares as encoding/json does, which takes a member in any case.
func is(key, name string) bool { return strings.EqualFold(key, name) }

// want says what of a member is picked.
type want int

const (
	wantNothing want = iota
	wantAll
	wantRepository // the members of it that identify it
)

type picker struct {
	in  []byte
	at  int
	out []byte
}

// object copies the wanted members of the object that begins here.
func (p *picker) object(wanted func(key string) want) bool {
	if !p.take('{') {
		return false
	}
	p.out = append(p.out, '{')
	first := true
	if p.take('}') {
		p.out = append(p.out, '}')
		return true
	}
	for {
		p.space()
		begin := p.at
		if !p.text() {
			return false
		}
		key := p.in[begin:p.at]
		if bytes.IndexByte(key, '\\') >= 0 || !p.take(':') {
			return false
		}
		w := wanted(string(key[1 : len(key)-1]))
		if w != wantNothing {
			if !first {
				p.out = append(p.out, ',')
			}
			first = false
			p.out = append(append(p.out, key...), ':')
		}
		if !p.member(w) {
			return false
		}
		switch {
		case p.take(','):
		case p.take('}'):
			p.out = append(p.out, '}')
			return true
		default:
			return false
		}
	}
}

// member copies or skips a value.
func (p *picker) member(w want) bool {
	p.space()
	begin := p.at
	if w == wantRepository && p.at < len(p.in) && p.in[p.at] == '{' {
		return p.object(func(key string) want {
			if is(key, "id") || is(key, "name") || is(key, "private") || is(key, "owner") {
				return wantAll
			}
			return wantNothing
		})
	}
	if !p.value() {
		return false
	}
	if w != wantNothing {
		p.out = append(p.out, p.in[begin:p.at]...)
	}
	return true
}

// value skips a value, whatever it is.
func (p *picker) value() bool {
	var open []byte // the brackets that are to be closed
	for p.at < len(p.in) {
		switch c := p.in[p.at]; c {
		case '"':
			if !p.text() {
				return false
			}
		case '{', '[':
			open = append(open, c+2) // '}' and ']' are two after
			p.at++
		case '}', ']':
			if len(open) == 0 {
				return false // a member without a value, or the end of a number, which is dealt with below
			}
			if open[len(open)-1] != c {
				return false
			}
			open = open[:len(open)-1]
			p.at++
		case ',', ':', ' ', '\t', '\r', '\n':
			if len(open) == 0 {
				return false
			}
			p.at++
		default:
			p.plain()
		}
		if len(open) == 0 {
			return true
		}
	}
	return false
}

// plain skips a number, true, false or null.
func (p *picker) plain() {
	for p.at < len(p.in) {
		switch p.in[p.at] {
		case ',', ':', '}', ']', '{', '[', '"', ' ', '\t', '\r', '\n':
			return
		}
		p.at++
	}
}

// text skips a string.
func (p *picker) text() bool {
	if p.at >= len(p.in) || p.in[p.at] != '"' {
		return false
	}
	p.at++
	for {
		n := bytes.IndexByte(p.in[p.at:], '"')
		if n < 0 {
			return false
		}
		p.at += n + 1
		escapes := 0
		for i := p.at - 2; p.in[i] == '\\'; i-- { // ends at the opening quote at the latest
			escapes++
		}
		if escapes%2 == 0 {
			return true
		}
	}
}

// take skips space and then c, if c is there.
func (p *picker) take(c byte) bool {
	p.space()
	if p.at < len(p.in) && p.in[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *picker) space() {
	for p.at < len(p.in) {
		switch p.in[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}
