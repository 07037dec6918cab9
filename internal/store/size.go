package store

import (
	"context"
	"fmt"
)

// Size returns how many leaves the ledger has.
func (s *Store) Size(ctx context.Context) (int64, error) {
	var size int64
	err := s.Read(ctx, func(q Queryer) error {
		head, err := s.ledger.Head(ctx, q)
		size = head.Size
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("read the ledger's size: %w", err)
	}
	return size, nil
}
