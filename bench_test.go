package usher

import "testing"

func BenchmarkParseMAC(b *testing.B) {
	for _, text := range []string{"52-54-00-ab-cd-0e", "01-52-54-00-AB-CD-0E", "52:54:00:ab:cd:0g"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = ParseMAC(text)
			}
		})
	}
}
