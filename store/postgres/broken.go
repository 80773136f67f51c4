//go:build broken

package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// breakage names the fault that this build has on purpose, so that the fault suite can be seen to find it. Linked in: -X github.com/bizsync/bizsync/store/postgres.breakage=NAME.
var breakage string

// brokenBigserialOrder numbers rows by a sequence of the database instead of by the head under its lock: the numbers of two transactions at work are not in the order of
// their commits, and one that is undone leaves a gap.
var brokenBigserialOrder = breakage == "bigserial-order"

// appendFunction is the function that Append calls.
var appendFunction = map[bool]string{false: "append_batch_3", true: "append_batch_bigserial"}[brokenBigserialOrder]

// seedFault makes that function of the healthy one: it takes as many numbers as there are rows before it locks any head. Each document has a sequence, which is made with
// the document's first batch.
func (s *Store) seedFault(ctx context.Context) error {
	if !brokenBigserialOrder {
		return nil
	}
	var source string
	if err := s.pool.QueryRow(ctx, "SELECT pg_get_functiondef('append_batch_3'::regproc)").Scan(&source); err != nil {
		return fmt.Errorf("seed a fault: %w", err)
	}
	for _, edit := range [][2]string{
		{"append_batch_3", "append_batch_bigserial"},
		{"DECLARE\n", "DECLARE\n    numbers bigint[];\n"},
		{"    IF in_no_wait THEN\n",
			"    FOR k IN 1 .. docs LOOP\n" +
				"        IF to_regclass(format('bigserial_%s', replace(in_doc[k]::text, '-', ''))) IS NULL THEN\n" +
				"            EXECUTE format('CREATE SEQUENCE bigserial_%s START %s', replace(in_doc[k]::text, '-', ''), (SELECT coalesce(max(h.seq), 0) + 1 FROM heads h WHERE h.document = in_doc[k]));\n" +
				"        END IF;\n" +
				"    END LOOP;\n" +
				"    FOR k IN 1 .. n_rows LOOP\n" +
				"        numbers[k] := nextval(format('bigserial_%s', replace(in_doc[in_row_doc[k]]::text, '-', '')));\n" +
				"    END LOOP;\n" +
				"    IF in_no_wait THEN\n"},
		{"row_seq[j] := head_seq[i] + 1;", "row_seq[j] := numbers[j];"},
		{"head_seq[i] := row_seq[j];", "head_seq[i] := greatest(head_seq[i], row_seq[j]);"},
	} {
		if !strings.Contains(source, edit[0]) {
			return fmt.Errorf("seed a fault: append_batch_3 has no %q", edit[0])
		}
		source = strings.ReplaceAll(source, edit[0], edit[1])
	}
	// Several nodes do so at once.
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(1)"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, source)
		return err
	})
	if err != nil {
		return fmt.Errorf("seed a fault: %w", err)
	}
	return nil
}
