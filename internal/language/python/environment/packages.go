package environment

import (
	"regexp"
	"strings"
)

// A clue is a text in a failed build's log, and the distribution's package that
// has what the build lacked. The names are those of Debian and Ubuntu.
type clue struct {
	text *regexp.Regexp
	name string
}

var clues = []clue{
	{regexp.MustCompile(`pg_config (?:executable )?(?:not found|is required)|libpq-fe\.h`), "libpq-dev"},
	{regexp.MustCompile(`mysql_config|mariadb_config|mysqlclient\.pc|Can not find valid pkg-config name.*mysql|mysql\.h`), "default-libmysqlclient-dev pkg-config"},
	{regexp.MustCompile(`Python\.h: No such file`), "python3-dev"},
	{regexp.MustCompile(`ffi\.h: No such file|Package 'libffi'`), "libffi-dev"},
	{regexp.MustCompile(`libxml/\w+\.h|xml2-config|libxml2 and libxslt development packages`), "libxml2-dev libxslt1-dev"},
	{regexp.MustCompile(`openssl/\w+\.h: No such file|Could not find directory of OpenSSL|opensslv\.h`), "libssl-dev"},
	{regexp.MustCompile(`jpeglib\.h|headers or library files could not be found for jpeg`), "libjpeg-dev"},
	{regexp.MustCompile(`headers or library files could not be found for zlib|zlib\.h: No such file`), "zlib1g-dev"},
	{regexp.MustCompile(`freetype2?/\w+\.h|ft2build\.h`), "libfreetype-dev"},
	{regexp.MustCompile(`lber\.h|ldap\.h: No such file`), "libldap2-dev libsasl2-dev"},
	{regexp.MustCompile(`sasl/sasl\.h|sasl\.h: No such file`), "libsasl2-dev"},
	{regexp.MustCompile(`sql\.h: No such file|sqlext\.h`), "unixodbc-dev"},
	{regexp.MustCompile(`curl-config|curl/curl\.h`), "libcurl4-openssl-dev"},
	{regexp.MustCompile(`hdf5\.h|Unable to (?:locate|load) (?:dependency )?HDF5`), "libhdf5-dev"},
	{regexp.MustCompile(`geos_c\.h|geos-config`), "libgeos-dev"},
	{regexp.MustCompile(`gdal-config|gdal\.h: No such file`), "libgdal-dev"},
	{regexp.MustCompile(`snappy-c\.h`), "libsnappy-dev"},
	{regexp.MustCompile(`yaml\.h: No such file`), "libyaml-dev"},
	{regexp.MustCompile(`krb5-config|gssapi/gssapi\.h|gssapi\.h: No such file`), "libkrb5-dev"},
	{regexp.MustCompile(`cairo\.h: No such file|Dependency "?cairo"? not found`), "libcairo2-dev pkg-config"},
	{regexp.MustCompile(`xmlsec1?(?:/|\.pc)|Unable to invoke pkg-config.*xmlsec`), "libxmlsec1-dev pkg-config"},
	{regexp.MustCompile(`libmagic`), "libmagic1"},
	{regexp.MustCompile(`(?i)can't find Rust compiler|cargo, the Rust package manager, is not installed|rustc.*not found`), "cargo"},
	{regexp.MustCompile(`(?i)cmake (?:must be|is not) installed|CMake.*not found|No such file or directory: 'cmake'`), "cmake"},
	{regexp.MustCompile(`gfortran.*not found|Unknown compiler\(s\): \[\['gfortran'`), "gfortran"},
	{regexp.MustCompile(`Cannot find command 'git'|No such file or directory: 'git'`), "git"},
	{regexp.MustCompile(`(?:command|program|file or directory:?|find) '?(?:\w+-linux-gnu-)?(?:gcc|cc|g\+\+|c\+\+)'?(?:: .*|' failed: No such file.*)?|unable to execute '?(?:\w+-linux-gnu-)?(?:gcc|cc)|Unknown compiler\(s\): \[\['cc'`), "build-essential"},
	{regexp.MustCompile(`pkg-config(?:: not found|.*No such file)`), "pkg-config"},
}

// systemPackages are the distribution's packages that a failed build's log asks
// for.
func systemPackages(log string) string {
	var names []string
	for _, c := range clues {
		if c.text.MatchString(log) {
			for _, name := range strings.Fields(c.name) {
				if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+name+" ") {
					names = append(names, name)
				}
			}
		}
	}
	return strings.Join(names, " ")
}

var libraries = map[string]string{
	"libpq.so.5": "libpq5", "libGL.so.1": "libgl1", "libgthread-2.0.so.0": "libglib2.0-0", "libglib-2.0.so.0": "libglib2.0-0",
	"libgomp.so.1": "libgomp1", "libsndfile.so.1": "libsndfile1", "libmagic.so.1": "libmagic1", "libxml2.so.2": "libxml2",
	"libxslt.so.1": "libxslt1.1", "libodbc.so.2": "unixodbc", "libmysqlclient.so.21": "libmysqlclient21", "libmariadb.so.3": "libmariadb3",
	"libgdal.so": "libgdal-dev", "libgeos_c.so.1": "libgeos-c1v5", "libjpeg.so.62": "libjpeg62-turbo", "libcairo.so.2": "libcairo2",
	"libpango-1.0.so.0": "libpango-1.0-0", "libzbar.so.0": "libzbar0", "libopenblas.so.0": "libopenblas0", "libsqlite3.so.0": "libsqlite3-0",
	"libatomic.so.1": "libatomic1", "libquadmath.so.0": "libquadmath0", "libgfortran.so.5": "libgfortran5", "libldap.so.2": "libldap-2.5-0",
}

// library is the package of a shared library, "" if it is not known.
func library(name string) string { return libraries[name] }

// withPackage completes an advice by the packages to install.
func withPackage(advice, packages string) string {
	if packages == "" {
		return advice + "."
	}
	return advice + " (Debian's " + packages + "): REPAIRD_BASE_PACKAGES=\"" + packages + "\" deploy/setup.sh builds base systems with it."
}
