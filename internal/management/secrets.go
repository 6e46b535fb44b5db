package management

import (
	"strings"

	"github.com/usher-boot/usher/internal/redact"
)

const masked = "******"

// secretWords is what oslo.utils takes for the name of a secret when a key
// contains it.
var secretWords = []string{
	"adminpass", "admin_pass", "password", "new_pass", "secret", "sys_pswd", "token", "configdrive",
	"encrypted_key", "private_key", "fernetkey", "sslkey", "passphrase", "keystonecredential",
}

// maskSecrets copies a JSON object with everything that looks secret masked,
// at any depth.
func maskSecrets(o map[string]any) map[string]any {
	out := make(map[string]any, len(o))
	for k, v := range o {
		if isSecret(k) && !isObject(v) {
			out[k] = masked
		} else {
			out[k] = maskValue(v)
		}
	}
	return out
}

func maskValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return maskSecrets(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = maskValue(v[i])
		}
		return out
	case string:
		return redact.With(v, masked)
	}
	return v
}

func isObject(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

func isSecret(key string) bool {
	key = strings.ToLower(key)
	for _, word := range secretWords {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}

// maskInstance masks instance_info, in which Ironic also hides the config
// drive (an object or a string) and the temporary URL of an image.
func maskInstance(o map[string]any) map[string]any {
	out := maskSecrets(o)
	for _, key := range []string{"configdrive", "image_url"} {
		if v, ok := o[key]; ok && v != nil && v != "" {
			out[key] = masked
		}
	}
	return out
}

// maskInternal masks the agent's token, and what else looks secret, in
// driver_internal_info.
func maskInternal(o map[string]any) map[string]any {
	out := make(map[string]any, len(o))
	for k, v := range o {
		if isString(v) && v != "" && isSecret(k) {
			v = masked
		}
		out[k] = v
	}
	return out
}
