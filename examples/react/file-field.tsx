import { useEffect, useState } from "react";

interface Props {
  name: string;
  title: string;
  accept: string;
  onPick(file: File | undefined): void;
}

/** Picks a file, and shows it. */
export function FileField({ name, title, accept, onPick }: Props) {
  const [file, setFile] = useState<File>();
  const [preview, setPreview] = useState("");
  useEffect(() => {
    if (!file) return setPreview("");
    const url = URL.createObjectURL(file);
    setPreview(url);
    return () => URL.revokeObjectURL(url);
  }, [file]);

  function pick(picked: File | undefined) {
    setFile(picked);
    onPick(picked);
  }

  return (
    <label>
      {title}
      <input name={name} type="file" accept={accept} onChange={({ target }) => pick(target.files?.[0])} />
      {preview && file?.type.startsWith("image/") && <img src={preview} alt="" />}
      {/* biome-ignore lint/a11y/useMediaCaption: it is the visitor's own recording */}
      {preview && file?.type.startsWith("audio/") && <audio src={preview} controls />}
    </label>
  );
}
