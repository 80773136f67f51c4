package api

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// deepestExample bounds how far examples follow schemas.
const deepestExample = 8

// describeExamples gives an operation's request and its good answers an example each, made of those of the fields: what a field says itself (the tag example), else what
// fields of its name usually hold.
func describeExamples(registry huma.Registry, op *huma.Operation) error {
	if op.RequestBody != nil {
		for kind, media := range op.RequestBody.Content {
			if err := addExample(registry, op, kind, media, requestExample(op.OperationID)); err != nil {
				return err
			}
		}
	}
	for status, response := range op.Responses {
		if status >= "400" {
			continue
		}
		for kind, media := range response.Content {
			if err := addExample(registry, op, kind, media, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// requestExample is for requests whose fields exclude one another; nil for all others.
func requestExample(operation string) any {
	switch operation {
	case "createUser":
		return map[string]any{"email": "bo@example.org", "name": "Bo", "role": "member"}
	case "createKey":
		return map[string]any{"name": "exporter", "scopes": []any{scopeRead}, "expiresAt": exampleTime}
	}
	return nil
}

func addExample(registry huma.Registry, op *huma.Operation, kind string, media *huma.MediaType, example any) error {
	if media.Example != nil || media.Schema == nil || media.Schema.Format == "binary" {
		return nil
	}
	if example == nil {
		if strings.HasPrefix(kind, "text/plain") {
			media.Example = "Plans for spring"
			return nil
		}
		var err error
		if example, err = exampleOf(registry, "", media.Schema, 0); err != nil {
			return fmt.Errorf("example of %s: %w", op.OperationID, err)
		}
	}
	media.Example = example
	return nil
}

const (
	exampleID   = "0198c0de-5eed-7000-8000-0000000000ad"
	exampleTime = "2027-01-31T09:30:00Z"
)

// exampleOf makes an example of what a schema allows, for a field of that name.
func exampleOf(registry huma.Registry, name string, s *huma.Schema, depth int) (any, error) {
	for s.Ref != "" {
		s = registry.SchemaFromRef(s.Ref)
	}
	if depth > deepestExample {
		return nil, fmt.Errorf("%s: schemas nest too deep", name)
	}
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0], nil
	case len(s.OneOf) > 0:
		return exampleOf(registry, name, s.OneOf[0], depth+1)
	case len(s.Enum) > 0:
		return s.Enum[0], nil
	}
	switch s.Type {
	case huma.TypeObject:
		out := make(map[string]any, len(s.Properties))
		for _, property := range slices.Sorted(maps.Keys(s.Properties)) {
			if !slices.Contains(s.Required, property) && (property == "deletedAt" || property == "expiresAt") {
				continue // true of the few
			}
			v, err := exampleOf(registry, property, s.Properties[property], depth+1)
			if err != nil {
				return nil, err
			}
			out[property] = v
		}
		return out, nil
	case huma.TypeArray:
		items := s.Items
		for items.Ref != "" {
			items = registry.SchemaFromRef(items.Ref)
		}
		kinds := items.OneOf
		if kinds == nil {
			kinds = []*huma.Schema{items}
		}
		out := make([]any, len(kinds))
		for i, kind := range kinds {
			v, err := exampleOf(registry, name, kind, depth+1)
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
		return out, nil
	case huma.TypeBoolean:
		return name == "complete" || name == "online" || name == "current" || name == "self", nil
	case huma.TypeInteger, huma.TypeNumber:
		switch {
		case s.Default != nil:
			return s.Default, nil
		case s.Minimum != nil:
			return *s.Minimum, nil
		}
		return 1, nil
	}
	switch s.Format {
	case "uuid":
		return exampleID, nil
	case "date-time":
		return exampleTime, nil
	}
	if v := exampleText(name); v != "" || name == "nextCursor" {
		return v, nil
	}
	return nil, fmt.Errorf("the field %q needs an example", name)
}

// exampleText is what text fields of that name usually hold.
func exampleText(name string) string {
	switch name {
	case "title":
		return "Plans for spring"
	case "name":
		return "Ada"
	case "email":
		return "ada@example.org"
	case "password", "current", "new":
		return "correct horse battery"
	case "key":
		return "plans"
	case "url":
		return "https://docs.example.org/invite#token=qm3Vb0Zt"
	case "token":
		return "qm3Vb0ZtNw1pX5cJr8sKdY2uGhLaTeIoFzRvQxBnCyM"
	case "node":
		return "node-1"
	case "address":
		return "192.0.2.7"
	case "userAgent":
		return "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	case "version":
		return "1.0.0"
	}
	return ""
}
