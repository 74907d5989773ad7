package query

import (
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Error is a parameter that cannot be read. Code is EC2's (page "errors-overview").
type Error struct {
	Code      string
	Parameter string
	Message   string
}

// Error says which parameter it is and what is wrong with it.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

func unknown(n *node) error {
	name := n.first()
	return &Error{"UnknownParameter", name, fmt.Sprintf("The parameter %s is not recognized, or the simulator does not know it", name)}
}

func malformed(n *node, kind string) error {
	return &Error{"InvalidParameterValue", n.name, fmt.Sprintf("Value (%s) for parameter %s is invalid. %s is expected.", n.value, n.name, kind)}
}

// Raw is a parameter whatever is below it, for those that are only noticed.
type Raw struct{}

// Decode fills a struct, whose fields are tagged with the names of parameters (`form:"ImageId"`). Fields are strings,
// bool, int, float64, time.Time, structs, pointers to these, which stay nil without the parameter, and slices, whose
// elements are numbered from 1. An embedded struct's parameters are the outer one's. The error is an *Error.
func Decode(form url.Values, v any) error {
	root := treeOf(form)
	return decodeStruct(root, reflect.ValueOf(v).Elem())
}

func decodeStruct(n *node, v reflect.Value) error {
	taken := map[string]bool{}
	if err := decodeFields(n, v, taken); err != nil {
		return err
	}
	if n.set {
		return unknown(&node{name: n.name})
	}
	for _, part := range sortedKeys(n.children) {
		if !taken[part] {
			return unknown(n.children[part])
		}
	}
	return nil
}

func decodeFields(n *node, v reflect.Value, taken map[string]bool) error {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Anonymous {
			if err := decodeFields(n, v.Field(i), taken); err != nil {
				return err
			}
			continue
		}
		name := field.Tag.Get("form")
		child, ok := n.children[name]
		if name == "" || !ok {
			continue
		}
		taken[name] = true
		if err := decodeValue(child, v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

func decodeValue(n *node, v reflect.Value) error {
	switch {
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decodeValue(n, v.Elem())
	case v.Kind() == reflect.Slice:
		return decodeList(n, v)
	case v.Type() == reflect.TypeFor[time.Time]():
		at, err := time.Parse(time.RFC3339Nano, n.value)
		if err != nil || !n.set {
			return malformed(n, "A time such as 2006-01-02T15:04:05Z")
		}
		v.Set(reflect.ValueOf(at.UTC()))
	case v.Type() == reflect.TypeFor[Raw]():
		return nil
	case v.Kind() == reflect.Struct:
		return decodeStruct(n, v)
	default:
		return decodeScalar(n, v)
	}
	return nil
}

func decodeList(n *node, v reflect.Value) error {
	items, err := n.items()
	if err != nil {
		return err
	}
	if n.set {
		return unknown(&node{name: n.name})
	}
	list := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		if err := decodeValue(item, list.Index(i)); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

func decodeScalar(n *node, v reflect.Value) error {
	if !n.set || len(n.children) > 0 {
		return unknown(n)
	}
	text := strings.TrimSpace(n.value)
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.value)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return malformed(n, "A boolean")
		}
		v.SetBool(b)
	case reflect.Int:
		i, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return malformed(n, "An integer")
		}
		v.SetInt(i)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return malformed(n, "A number")
		}
		v.SetFloat(f)
	default:
		return fmt.Errorf("parameter %s: a field of type %s cannot be read", n.name, v.Type())
	}
	return nil
}
