package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Call has a request done that carries JSON and must be answered with that status; do is a client's method. result is nil, a *[]byte for the answer as it is, or what
// its JSON goes into.
func Call(ctx context.Context, do func(*http.Request) (*http.Response, error), method, url string, body any, status int, result any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	if res.StatusCode != status {
		return fmt.Errorf("%s %s: %s %s", method, url, res.Status, answer)
	}
	switch result := result.(type) {
	case nil:
		return nil
	case *[]byte:
		*result = answer
		return nil
	}
	if err := json.Unmarshal(answer, result); err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	return nil
}
