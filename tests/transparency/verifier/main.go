// Checks an export with Go's own transparency log library, and prints the root that it has.
//
//	verifier FOLDER KEY [EARLIER] < RECORDS
//
// KEY is a file of the verifier key, EARLIER a checkpoint of before, RECORDS those of the archive,
// one a line. Nothing of Dasan is used: golang.org/x/mod/sumdb/note opens the checkpoints,
// sumdb/tlog reads the tiles, proves that each record is in the tree at its place, and that the
// tree continues the earlier one. It runs with Go 1.19 and golang.org/x/mod 0.7 (Debian 12).
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
)

func main() {
	log.SetFlags(0)
	folder, key := os.Args[1], strings.TrimSpace(string(read(os.Args[2])))
	tree := opened(filepath.Join(folder, "checkpoint"), key)
	hashes := tlog.TileHashReader(tree, &tiles{folder})
	root, err := tlog.TreeHash(tree.N, hashes)
	check(err)
	if root != tree.Hash {
		log.Fatalf("the tiles have the root %v, and %v was signed", root, tree.Hash)
	}
	records := append(archived(), rest(folder, tree.N)...)
	for index, record := range records {
		prove(tree, hashes, int64(index), record)
	}
	if int64(len(records)) != tree.N {
		log.Fatalf("%d records were signed, and %d are there", tree.N, len(records))
	}
	if len(os.Args) > 3 {
		earlier := opened(os.Args[3], key)
		proof, err := tlog.ProveTree(tree.N, earlier.N, hashes)
		check(err)
		check(tlog.CheckTree(proof, tree.N, tree.Hash, earlier.N, earlier.Hash))
	}
	fmt.Println(root)
}

// opened returns what a checkpoint says that the key has signed.
func opened(path, key string) tlog.Tree {
	verifier, err := note.NewVerifier(key)
	check(err)
	signed, err := note.Open(read(path), note.VerifierList(verifier))
	check(err)
	lines := strings.SplitN(signed.Text, "\n", 4)
	if len(lines) < 4 || lines[0] != verifier.Name() {
		log.Fatalf("%s is no checkpoint of %s", path, verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: root}
}

// prove shows that a record is in the tree at its index.
func prove(tree tlog.Tree, hashes tlog.HashReader, index int64, record []byte) {
	if index >= tree.N {
		log.Fatalf("position %d: only %d records were signed", index+1, tree.N)
	}
	proof, err := tlog.ProveRecord(tree.N, index, hashes)
	check(err)
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(record)); err != nil {
		log.Fatalf("position %d: %v", index+1, err)
	}
}

// archived returns the records that come in, one a line.
func archived() [][]byte {
	data, err := io.ReadAll(os.Stdin)
	check(err)
	records := bytes.Split(data, []byte("\n"))
	return records[:len(records)-1]
}

// rest returns the records of the bundles that are there.
func rest(folder string, size int64) [][]byte {
	records := [][]byte{}
	for number := int64(0); number*width < size; number++ {
		wide := size - number*width
		if wide > width {
			wide = width
		}
		data, err := os.ReadFile(filepath.Join(folder, "tile", "entries", path(number, int(wide))))
		if os.IsNotExist(err) {
			continue
		}
		check(err)
		for len(data) > 0 {
			end := 2 + int(binary.BigEndian.Uint16(data))
			records, data = append(records, data[2:end]), data[end:]
		}
	}
	return records
}

// tiles reads an export's tiles. Go's own paths have the height of a tile, tile/8/L/N; ours do not.
type tiles struct{ folder string }

func (t *tiles) Height() int { return height }

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(wanted))
	for i, tile := range wanted {
		name := filepath.Join(t.folder, "tile", strconv.Itoa(tile.L), path(tile.N, tile.W))
		read, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if len(read) != tile.W*sha256.Size {
			return nil, fmt.Errorf("%s has not %d hashes", name, tile.W)
		}
		data[i] = read
	}
	return data, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// path returns where a tile or bundle is in its folder, such as x001/x234/067.p/5.
func path(number int64, wide int) string {
	tile := tlog.Tile{H: height, L: 0, N: number, W: wide}
	return strings.TrimPrefix(tile.Path(), "tile/8/0/")
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	check(err)
	return data
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
