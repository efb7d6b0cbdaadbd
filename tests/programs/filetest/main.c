/*
 * System calls on files, directories, descriptors and credentials do what Linux' do: the same program runs
 * there (as root, in a memory file system) and here. `filetest [GROUP...]`; the last line is
 * "N passed, N failed".
 */
#include "filetest.h"
#include <sys/utsname.h>

unsigned passed, failed;
bool on_unlazy;
char folder[64];

void make_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		printf("cannot make %s: %s\n", name, strerror(errno));
		exit(1);
	}
	close(fd);
}

bool file_is(const char *name, const char *text)
{
	char buf[256];
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)n) == 0;
}

unsigned mode_of(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? 0 : st.st_mode;
}

bool exists(const char *name)
{
	return mode_of(name) != 0;
}

static const struct {
	const char *name;
	void (*fn)(void);
} groups[] = {
	{"descriptors", test_descriptors},
	{"transfer", test_transfer},
	{"position", test_position},
	{"create", test_create_remove},
	{"rename", test_rename},
	{"listing", test_listing},
	{"attributes", test_attributes},
	{"stat", test_stat},
	{"cwd", test_working_directory},
	{"credentials", test_credentials},
	{"order", test_order},
	{"pipes", test_pipes},
	{"console", test_console},
};

static bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc < 2;
}

/* Each group in a folder of its own, which it leaves empty. */
static void run_group(unsigned i)
{
	unsigned before = failed;

	snprintf(folder, sizeof(folder), "/tmp/filetest.%d.%u", (int)getpid(), i);
	if (mkdir(folder, 0755) || chdir(folder)) {
		printf("cannot make %s: %s\n", folder, strerror(errno));
		exit(1);
	}
	groups[i].fn();
	CHECK_EQ(chdir("/"), 0);
	CHECK_EQ(rmdir(folder), 0);
	printf("%s %s\n", failed == before ? "ok" : "FAIL", groups[i].name);
}

int main(int argc, char **argv)
{
	struct utsname name;

	on_unlazy = uname(&name) == 0 && strcmp(name.sysname, "Unlazy") == 0;
	umask(022);
	for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (wanted(groups[i].name, argc, argv))
			run_group(i);
	if (wanted("ids", argc, argv)) {
		unsigned before = failed;

		test_ids();
		printf("%s ids\n", failed == before ? "ok" : "FAIL");
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
