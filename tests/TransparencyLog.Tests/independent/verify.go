// Checks what a log gave out with golang.org/x/mod/sumdb (note and tlog), which we did not write. Reads a JSON file; prints one line a
// check: its name and "ok", or what was refused.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type inclusion struct {
	Name, Checkpoint, Entry string
	Index                   int64
	Path                    []string
}

type consistency struct {
	Name, First, Second string
	Proof               []string
}

type input struct {
	Vkey          string
	Inclusions    []inclusion
	Consistencies []consistency
}

func hash(text string) tlog.Hash {
	bytes, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(bytes) != tlog.HashSize {
		panic("not a hash: " + text)
	}
	var h tlog.Hash
	copy(h[:], bytes)
	return h
}

func hashes(texts []string) []tlog.Hash {
	found := []tlog.Hash{}
	for _, text := range texts {
		found = append(found, hash(text))
	}
	return found
}

func open(checkpoint string, verifier note.Verifier) (int64, tlog.Hash, error) {
	n, err := note.Open([]byte(checkpoint), note.VerifierList(verifier))
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	lines := strings.Split(n.Text, "\n")
	if lines[0] != verifier.Name() {
		return 0, tlog.Hash{}, fmt.Errorf("origin %s", lines[0])
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	return size, hash(lines[2]), err
}

func main() {
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var in input
	if err := json.Unmarshal(data, &in); err != nil {
		panic(err)
	}
	verifier, err := note.NewVerifier(in.Vkey)
	if err != nil {
		panic(err)
	}
	say := func(name string, err error) {
		if err != nil {
			fmt.Println(name, err)
		} else {
			fmt.Println(name, "ok")
		}
	}
	for _, c := range in.Inclusions {
		size, root, err := open(c.Checkpoint, verifier)
		if err == nil {
			entry, bad := base64.StdEncoding.DecodeString(c.Entry)
			if bad != nil {
				panic(bad)
			}
			err = tlog.CheckRecord(hashes(c.Path), size, root, c.Index, tlog.RecordHash(entry))
		}
		say(c.Name, err)
	}
	for _, c := range in.Consistencies {
		first, old, err := open(c.First, verifier)
		if err == nil {
			var second int64
			var root tlog.Hash
			if second, root, err = open(c.Second, verifier); err == nil {
				err = tlog.CheckTree(hashes(c.Proof), second, root, first, old)
			}
		}
		say(c.Name, err)
	}
}
