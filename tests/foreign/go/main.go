// Command foreign checks a bundle's checkpoint, cosignatures and receipts with other people's code:
// golang.org/x/mod/sumdb (note, tlog) and filippo.io/torchwood. It knows nothing of armslength but its file names.
//
//	go run . bundle DIR     check a bundle; prints one JSON line
//	go run . vectors        print Merkle proofs of a small tree as JSON (tests/vectors/merkle.json)
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "bundle":
		err = bundle(os.Args[2])
	case len(os.Args) == 2 && os.Args[1] == "vectors":
		err = vectors()
	default:
		err = fmt.Errorf("usage: foreign bundle DIR | foreign vectors")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// bundle verifies the checkpoint under the policy of the terms, then every receipt, then the whole tree.
func bundle(dir string) error {
	policy, cosigners, err := readPolicy(dir)
	if err != nil {
		return err
	}
	signed, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	checkpoint, opened, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	leaves, err := readLeaves(dir)
	if err != nil {
		return err
	}
	if int64(len(leaves)) < checkpoint.N {
		return fmt.Errorf("the checkpoint covers %d leaves, the record has %d", checkpoint.N, len(leaves))
	}
	tree := &stored{}
	for index := range checkpoint.N {
		path := filepath.Join(dir, "receipts", fmt.Sprintf("%08d.tlog-proof", index))
		proof, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := torchwood.VerifyProof(policy, tlog.RecordHash(leaves[index]), proof); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := tree.add(index, leaves[index]); err != nil {
			return err
		}
	}
	root, err := tlog.TreeHash(checkpoint.N, tree)
	if err != nil {
		return err
	}
	if root != checkpoint.Hash {
		return fmt.Errorf("the leaves have root %v, the checkpoint says %v", root, checkpoint.Hash)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"origin": checkpoint.Origin, "size": checkpoint.N, "root": checkpoint.Hash.String(),
		"signatures": len(opened.Sigs), "cosigners": cosigners, "receipts": checkpoint.N,
	})
}

// readPolicy wants the log's signature and as many cosignatures as the terms' quorum says.
func readPolicy(dir string) (torchwood.Policy, int, error) {
	var terms struct {
		Timekeepers struct{ Count int }
	}
	data, err := os.ReadFile(filepath.Join(dir, "arrangement.json"))
	if err != nil {
		return nil, 0, err
	}
	if err := json.Unmarshal(data, &terms); err != nil {
		return nil, 0, err
	}
	data, err = os.ReadFile(filepath.Join(dir, "vkeys"))
	if err != nil {
		return nil, 0, err
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	log, err := note.NewVerifier(lines[0])
	if err != nil {
		return nil, 0, fmt.Errorf("log vkey: %w", err)
	}
	var cosigners []torchwood.Policy
	for _, line := range lines[1:] {
		verifier, err := torchwood.NewCosignatureVerifier(line)
		if err != nil {
			return nil, 0, fmt.Errorf("cosigner vkey: %w", err)
		}
		cosigners = append(cosigners, torchwood.SingleVerifierPolicy(verifier))
	}
	policy := torchwood.ThresholdPolicy(3,
		torchwood.OriginPolicy(log.Name()),
		torchwood.SingleVerifierPolicy(log),
		torchwood.ThresholdPolicy(terms.Timekeepers.Count, cosigners...))
	return policy, len(cosigners), nil
}

func readLeaves(dir string) ([][]byte, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "record", "*.jsonl"))
	if err != nil {
		return nil, err
	}
	sort.Strings(paths)
	var leaves [][]byte
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for _, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
			leaves = append(leaves, []byte(line))
		}
	}
	return leaves, nil
}

// stored keeps a tree's hashes in memory.
type stored struct{ hashes []tlog.Hash }

func (s *stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, 0, len(indexes))
	for _, index := range indexes {
		found = append(found, s.hashes[index])
	}
	return found, nil
}

func (s *stored) add(index int64, leaf []byte) error {
	hashes, err := tlog.StoredHashes(index, leaf, s)
	s.hashes = append(s.hashes, hashes...)
	return err
}

// vectors prints, for the tree of the leaves "", "x", "xx", …: roots, inclusion and consistency proofs.
func vectors() error {
	const sizes = 17
	tree := &stored{}
	type inclusion struct {
		Index, Size int64
		Proof       []string
	}
	type consistency struct {
		First, Second int64
		Proof         []string
	}
	var out struct {
		Leaves      []string
		Roots       []string
		Inclusion   []inclusion
		Consistency []consistency
	}
	out.Inclusion, out.Consistency = []inclusion{}, []consistency{}
	for size := range int64(sizes + 1) {
		root, err := tlog.TreeHash(size, tree)
		if err != nil {
			return err
		}
		out.Roots = append(out.Roots, encode(root))
		for index := range size {
			proof, err := tlog.ProveRecord(size, index, tree)
			if err != nil {
				return err
			}
			out.Inclusion = append(out.Inclusion, inclusion{index, size, encodeAll(proof)})
		}
		for first := int64(1); first <= size; first++ {
			proof, err := tlog.ProveTree(size, first, tree)
			if err != nil {
				return err
			}
			out.Consistency = append(out.Consistency, consistency{first, size, encodeAll(proof)})
		}
		leaf := []byte(strings.Repeat("x", int(size)))
		out.Leaves = append(out.Leaves, string(leaf))
		if err := tree.add(size, leaf); err != nil {
			return err
		}
	}
	out.Leaves = out.Leaves[:sizes]
	return json.NewEncoder(os.Stdout).Encode(out)
}

func encode(hash tlog.Hash) string { return base64.StdEncoding.EncodeToString(hash[:]) }

func encodeAll(hashes []tlog.Hash) []string {
	texts := make([]string, 0, len(hashes))
	for _, hash := range hashes {
		texts = append(texts, encode(hash))
	}
	return texts
}
