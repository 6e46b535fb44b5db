package management

import "strings"

// checkConfigDrive checks a config drive: base64, a URL, or an object of
// which the ramdisk or the conductor builds one.
func (r *request) checkConfigDrive(verb string, drive any) error {
	targets := "active"
	ok := verb == "active" || verb == "deploy"
	if r.minor >= 35 {
		targets += ", rebuild"
		ok = ok || verb == "rebuild"
	}
	if !ok {
		return invalid("Adding a config drive is only supported when setting provision state to %s", targets)
	}
	if o, isObject := drive.(object); isObject {
		return r.checkDriveObject(o)
	}
	text := str(drive)
	if strings.Contains(text, "://") {
		return nil
	}
	if strings.IndexFunc(text, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("+/=\n\r\t ", c))
	}) >= 0 {
		return invalid("Invalid configdrive format: it is neither a JSON, nor a URL, nor a base64 string")
	}
	return nil
}

func (r *request) checkDriveObject(o object) error {
	for name, v := range o {
		switch name {
		case "meta_data", "network_data", "vendor_data":
			if !isObject(v) {
				return invalid("Invalid configdrive format: %s: %s is not of type 'object'", name, brief(v))
			}
		case "user_data":
			switch v.(type) {
			case nil, string, object, []any:
			default:
				return invalid("Invalid configdrive format: user_data: %s is not of type 'object', 'array', 'string', 'null'", brief(v))
			}
		default:
			return invalid("Invalid configdrive format: Additional properties are not allowed (%s was unexpected)", brief(name))
		}
	}
	if r.minor < 56 {
		return invalid("Providing a JSON object for configdrive is only supported starting with API version 1.56")
	}
	if _, ok := o["vendor_data"]; ok && r.minor < 59 {
		return invalid("Providing vendor_data in configdrive is only supported starting with API version 1.59")
	}
	return nil
}
